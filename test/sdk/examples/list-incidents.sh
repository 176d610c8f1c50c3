#!/bin/sh
set -eu

token=$(curl --silent --show-error --fail --cacert "$CORDON_CA" "$CORDON_URL/$CORDON_TENANT/oauth2/v2.0/token" \
  --data grant_type=client_credentials --data client_id="$CORDON_CLIENT_ID" \
  --data-urlencode client_secret="$CORDON_CLIENT_SECRET" --data scope=https://graph.microsoft.com/.default |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')

get() {
  curl --silent --show-error --fail --cacert "$CORDON_CA" --header "Authorization: Bearer $token" --get "$CORDON_URL$1" \
    --data-urlencode "$2" --data-urlencode "$3"
  echo
}

get /v1.0/security/incidents '$expand=alerts' '$top=10'
get /beta/security/incidentTasks "\$filter=status eq 'open'" '$top=10'
