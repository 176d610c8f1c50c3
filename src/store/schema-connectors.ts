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

/** What a connector found before the first effect of an execution, for systems that keep no record of ours. */
export interface ConnectorJournalRow {
  tenant_id: string
  execution_id: string
  /** JSON as the connector wrote it. */
  found: string
  at: string
}
