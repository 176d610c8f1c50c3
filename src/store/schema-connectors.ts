/** A configured way to an outside system. */
export interface ConnectorRow {
  tenant_id: string
  id: string
  kind: string
  name: string
  /** Settings of the kind as JSON, without secrets. */
  settings: string
  /** Where its secrets are sent: they are sealed for this address. */
  address: string
  version: number
  created_at: string
  updated_at: string
}

/** A secret of a connector, sealed; see {@link ../io/sealing.ts}. */
export interface ConnectorSecretRow {
  tenant_id: string
  connector_id: string
  name: string
  /** The sealing key it needs. */
  key_id: string
  sealed: string
  set_at: string
}
