import type {
  OutsideIdentity,
  OutsideIssuer,
  OutsideIssuers,
  OutsideProblem,
  OutsideSecrets,
} from '../../access/outside/issuers.ts'
import type { ConfiguredConnector, OpenSecrets } from '../../connectors/connector.ts'
import { listConnectors, openSecrets, readConnector, type SettingsDeps } from '../../connectors/settings.ts'
import { listConnectorsAt } from '../../store/connectors.ts'

/** The kind of connector that is an issuer, as it speaks. */
export interface IssuerKind {
  readonly name: string
  begin(connector: ConfiguredConnector, open: OpenSecrets, secrets: OutsideSecrets): Promise<string | OutsideProblem>
  finish(
    connector: ConfiguredConnector,
    open: OpenSecrets,
    answer: OutsideSecrets & { readonly query: string },
  ): Promise<OutsideIdentity | OutsideProblem>
  readToken(
    connector: ConfiguredConnector,
    open: OpenSecrets,
    token: string,
  ): Promise<(OutsideIdentity & { readonly endsAtMs: number }) | null | OutsideProblem>
}

/** The issuers that people have set up as connectors, each as it is set up when it is asked. */
export function openOutsideIssuers(deps: Pick<SettingsDeps, 'store' | 'sealer'>, kind: IssuerKind): OutsideIssuers {
  const { read } = deps.store
  const open: OpenSecrets = (connector) => openSecrets(deps, connector)
  const find = ({ tenantId, id }: OutsideIssuer): Promise<ConfiguredConnector> => readConnector(read, tenantId, id)
  return {
    list: async (tenantId) => (await listConnectors(read, tenantId)).filter((one) => one.kind === kind.name).map(show),
    listByAddress: async (address) =>
      (await listConnectorsAt(read, kind.name, address)).map((row) => show({ ...row, tenantId: row.tenant_id })),
    begin: async (issuer, secrets) => kind.begin(await find(issuer), open, secrets),
    finish: async (issuer, answer) => kind.finish(await find(issuer), open, answer),
    readToken: async (issuer, token) => kind.readToken(await find(issuer), open, token),
  }
}

function show({ tenantId, id, name, address }: OutsideIssuer): OutsideIssuer {
  return { tenantId, id, name, address }
}
