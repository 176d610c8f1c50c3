const incidentFields = 'one incident'
const alertFields = 'one alert'
const comment = 'takes `{"comment": "..."}`'
const allComments = 'answers `{value: [all comments, oldest first]}`'
const minimal = '204 with `Prefer: return=minimal`; `If-Match` is honoured'
const page = '`{value, @odata.count?, @odata.nextLink?}`'
const bareNumber = 'the bare number as `text/plain`'
const delta = '`{value, @odata.nextLink or @odata.deltaLink}`; `$deltatoken=latest` begins now'

/** What the table of operations cannot say by itself: body and answer of an operation, by its name in `spec/behaviour.json`. */
export const notes: Readonly<Record<string, string>> = {
  getServiceDocument: 'names the singleton `security`',
  getMetadata: 'XML, or CSDL JSON with `$format=json` or by `Accept`',
  listIncidents: `${page}, newest first unless ordered`,
  countIncidents: bareNumber,
  getIncident: incidentFields,
  updateIncident: `${incidentFields}, whole; ${minimal}. Status \`redirected\` is 400, \`awaitingAction\` for experts only; 409 for one that was merged away`,
  createIncidentComment: `${comment}; ${allComments}`,
  mergeIncidents:
    '`{incidentIds, incidentComment?, mergeReasons?}`, 2 to 100 ids; answers `{targetIncidentId}`, the first one named',
  listIncidentAlerts: page,
  countIncidentAlerts: bareNumber,
  getIncidentAlert: `${alertFields}; 404 for one of another incident`,
  createIncidentAlertComment: 'as `createAlertComment`',
  deltaIncidents: delta,
  listAlerts: `${page}, newest first unless ordered`,
  countAlerts: bareNumber,
  createAlert:
    'an alert with `title` and `severity`; 201 with `Location`, 200 when the sender has sent this `providerAlertId` before',
  getAlert: alertFields,
  updateAlert: `${alertFields}, whole; ${minimal}`,
  createAlertComment: `${comment}, an array of these or \`{"value": [...]}\`; ${allComments}`,
  moveAlerts:
    '`{alertIds, incidentId?, alertComment?, newCorrelationReasons?}`, 1 to 1000 ids; without `incidentId` a new incident; answers `{targetIncidentId}`',
  deltaAlerts: delta,
  listIncidentTasks: `${page}; each task carries \`incident: {id}\``,
  countIncidentTasks: bareNumber,
  createIncidentTask:
    '`{displayName, actionType, incident: {id}, responseAction, description?, source?}`; the task, with `Location`',
  getIncidentTask: 'one task',
  getTaskIncident: incidentFields,
  updateIncidentTask: `the task, whole; ${minimal}. 409 while its action is under way`,
  executeResponseAction:
    'no body needed; no body back: progress is read from `actionStatus`. `Cordon-Confirmation: pressed, typed or held` goes into the audit log',
  deltaIncidentTasks: delta,
  listSubscriptions: "`{value}`: the caller's own; no query options",
  createSubscription:
    'a subscription, with `Location`, after its endpoints have answered the validation request; 403 above a quota',
  getSubscription: "the caller's own; another's is 404",
  updateSubscription: 'takes `expirationDateTime` and `notificationUrl`; the subscription',
  reauthorizeSubscription: 'no body',
  batch:
    '`{requests: [{id, method, url, headers?, body?, dependsOn?}]}`, 1 to 20; answers `{responses: [{id, status, headers, body?}]}`',
  listViews: '`{value}`: own and shared filters of lists',
  createView:
    '`{screen, name, query, shared?, defaultFor?}`; sharing needs SecurityIncident.ReadWrite.All, `defaultFor` Cordon.Admin',
  replaceView: 'as `createView`; own ones, and shared ones by an admin',
  deleteView: 'no body',
  listMembers: '`{value}`: who of other tenants has a role in this one, and which',
  addMember:
    "`{role}`; the id is the person's at home, shown to them under Settings. Nobody changes their own membership",
  removeMember: 'no body; their tokens are refused within a second',
  runHuntingQuery: 'always 501',
  authorize: 'authorization code with PKCE (S256); 303 to the address of the application. See [sign-in](sign-in.md)',
  startOutsideLogin: '303 to an issuer that is set up as a connector of kind `oidc`, also by a link only',
  finishOutsideLogin: 'where the issuer sends the browser back to; 303, and the cookie of the session',
  changePassword: '`{current?, password}` with the cookie and `X-CSRF-Token`; ends the other sessions',
  listOwnPasskeys:
    'takes the session cookie; `{value, host, issuer}`: host is null at a bare IP address, issuer the outside one that has them instead',
  beginOwnPasskey: 'cookie, `X-CSRF-Token` and a sign-in of the last 10 min; `{publicKey}`, creation options in JSON',
  addOwnPasskey:
    '`{name, credential}`, the latter as `toJSON()` gives it; the passkey. Asks for the same as `beginOwnPasskey`',
  renameOwnPasskey: '`{name}` with the cookie and `X-CSRF-Token`; the passkey',
  deleteOwnPasskey:
    'cookie, `X-CSRF-Token` and a sign-in of the last 10 min; ends the other sessions; 409 when it is the only way to sign in',
  beginPasskeySignIn:
    '`{publicKey}`, request options in JSON, the same for everybody; from a page of this server alone',
  completePasskeySignIn:
    '`{credential, next?, userId?}`; `{next}` and the cookie of the session; with `userId` that person alone',
  beginPasskeyByLink: '`{token}` of a one-time link, which stays unused; as `beginOwnPasskey`',
  completePasskeyByLink:
    '`{token, name, credential, next?}`; uses the link up, keeps the passkey; as `completePasskeySignIn`',
  receiveIntake:
    'JSON, one object a line or CSV, up to 16 MiB inflated; answers `{accepted, duplicates, ignored, incidentsOpened, incidentsMerged, rejected: [{line, error}], rejectedCount?}`',
  listTaskExecutions: '`{value}`: runs and undos, newest first, with state, reason and proof; 404 for an unknown task',
  listExecutions:
    '`state`, `actionType`, `requestedBy` (id or name), each as often as wanted, `from`, `to`, `$top` (50, at most 1000), `$count`; `{value, @odata.nextLink?, @odata.count?}`, newest first',
  exportExecutions:
    'the filter of the list and `format` (`csv`, `jsonl`); a file written as it is read, its rows and SHA-256 in the trailers `Cordon-Row-Count` and `Cordon-Content-SHA256`. Each export is audited',
  getExecution:
    'the run with `{taskDisplayName, incidentId, steps, orders, orderCount}`: every state it reached, and for up to 50 hosts what was sent and what came back',
  downloadTaskPackage:
    'a ZIP archive made by the host, as attachment; 404 when the task has collected none, or it is older than 30 days. Each download is audited',
  listAudit:
    '`$top` (50, at most 1000), `objectType`, `objectId`, `actorId`, `action`, `decision`, `from`, `to`; `{value, @odata.nextLink?}`, newest first. See [audit](audit.md)',
  exportAudit:
    'the filter of the list and `format` (`csv`, `jsonl`); a file written as it is read, its rows and SHA-256 in the trailers `Cordon-Row-Count` and `Cordon-Content-SHA256`. Each export is audited',
  listIncidentJoins:
    '`{value}`: why each alert stands in the incident, newest first, 1,000 at most; 404 for an unknown incident',
  streamEvents:
    '`since` resumes after an event; server-sent events to whoever accepts `text/event-stream`, else `{seq, complete, value}` at once',
  listAgents: '`{value}`: hosts by name with health, isolation and what each can do',
  listDeviceNames:
    '`id`, up to 200 times; `{value: [{id, name}]}`, as hosts and alerts name them; ids without a name are left out',
  verifyAudit:
    '`{entries, coveredTo, root, findings, ...}` of the whole log, read again entry by entry. See [audit](audit.md)',
  getAuditCheckpoint: 'a signed note over the log as it is now, as `text/plain`',
  previewTaskAction:
    'no body needed; what a request would be answered with, connector, target, connections that would be cut, policy, reversibility, expected duration',
  previewNewTask:
    'the body of createIncidentTask, nothing of it stored; the same as previewTaskAction, and `managed: {allowed, by?, reason, since?}`. `?askTarget=false` answers without asking the target',
  cancelTaskAction: 'no body needed; `{executionId, state}`, or 409 when it is too late and the action goes on',
  undoTaskAction: 'no body needed; answers `{executionId}`',
  decideTaskOutcome: '`{outcome: succeeded, partial or failed, reason}`, for an outcome that nobody can find out',
  getPolicies: 'the safety policy, whole, with its ETag',
  replacePolicies:
    'the whole policy; `If-Match` is required, `*` for any; 400 names every wrong field in `error.details`',
  listConnectors:
    '`{value}`: every connector by name, with its capabilities and health; of a secret only since when it is set',
  createConnector: '`{kind, name, settings, secrets}`; 400 names every wrong setting',
  getConnector: 'with its ETag',
  replaceConnector:
    '`{name, settings, secrets}`; `If-Match` is required, `*` for any; secrets that are left out stay, and are cleared when the address changes',
  deleteConnector: 'with its secrets; `If-Match` where wanted',
  testConnector: 'no body needed; `{ok, checks}`, each with the setting to look at and the fix',
  createBreakGlassCode:
    '`{reason}` of 30 characters; device id or host name in the path; a code for `cordon agent release`',
  orderDeviceKey: '`{reason}`; device id or host name in the path; the host makes another key with its next contact',
  pauseDispatch: '`{reason}`; nothing more is handed over to any target',
  resumeDispatch: 'no body needed; what waited goes on',
  pauseManaged: 'no body needed; experts only propose, and what waits of theirs becomes guided',
  resumeManaged: 'no body needed; the consents of the policy hold again',
  listApprovals: '`{value}`: what waits for approval, newest first, 200 at most; `?state=` another state, or `all`',
  getApproval: 'what is asked for, its digest and the votes',
  approveExecution: '`{digest, comment?}`; 403 for whoever requested or proposed it',
  rejectExecution: '`{digest, comment?}`; one is enough',
  getOpenApi: 'OpenAPI 3.1',
  showDocs: 'the same for people',
  getDocsFile: 'what that page is made of',
  issueToken:
    'form `client_credentials` or `authorization_code`; answers `{token_type, expires_in, ext_expires_in, access_token}`',
  issueTokenV1: 'as `issueToken`; no `scope` needed',
  authorizeDevice: 'always refused: not offered',
  readOpenidConfiguration: 'the endpoints of the tenant',
  readSigningKeys: 'JWKS',
  explainSignInError: 'what an AADSTS code means',
  enrollAgent: 'takes a one-time token',
  pollCommands: 'held until there is a command; signed by the agent',
  reportAndPoll: 'the same, with what became of commands it let begin; signed by the agent',
  acknowledgeCommand: 'signed by the agent',
  reportResult: 'signed by the agent',
  sendHeartbeat: 'signed by the agent',
  showLogin: 'takes the token of a one-time link',
  completeLogin: 'to the portal, with its session cookie',
  readSessionState: 'takes the session cookie',
  streamAllEvents:
    'takes the session cookie; `streamEvents` of every tenant the person may read in, each change with its `tenant`; ends when a role of theirs changes',
  drawToken:
    'a short-lived token for the page, by its cookie; `?tenant=` for another tenant that gave the person a role',
  endSession: 'takes the session cookie',
  getHealth: '`ok` as text: the process answers',
  getReadiness: '`ready` as text, or 503 while draining or without the store',
}
