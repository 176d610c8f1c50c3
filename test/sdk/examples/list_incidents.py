import os

import msal
import requests

url, tenant = os.environ["CORDON_URL"], os.environ["CORDON_TENANT"]
os.environ["REQUESTS_CA_BUNDLE"] = os.environ["CORDON_CA"]

app = msal.ConfidentialClientApplication(
    os.environ["CORDON_CLIENT_ID"],
    client_credential=os.environ["CORDON_CLIENT_SECRET"],
    authority=f"{url}/{tenant}",
    validate_authority=False,
)
token = app.acquire_token_for_client(scopes=["https://graph.microsoft.com/.default"])["access_token"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {token}"


def read(path, **options):
    response = session.get(url + path, params={f"${name}": value for name, value in options.items()})
    response.raise_for_status()
    return response.json()["value"]


for incident in read("/v1.0/security/incidents", expand="alerts", top=10):
    print(f"{incident['id']} {incident['severity']} {incident['status']}: {incident['displayName']}")
    for alert in incident["alerts"]:
        print(f"  alert {alert['severity']}: {alert['title']}")
    for task in read("/beta/security/incidentTasks", filter=f"incidentId eq '{incident['id']}'"):
        print(f"  task {task['actionType']} {task['status']}: {task['displayName']}")
