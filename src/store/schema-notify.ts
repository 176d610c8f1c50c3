/** A change notification subscription. */
export interface SubscriptionRow {
  tenant_id: string
  id: string
  /** The application or person that made it; nobody else sees it. */
  owner_id: string
  owner_kind: string
  /** As the client wrote it. */
  resource: string
  /** `incident`, `alert` or `incidentTask`. */
  watched: string
  /** Only this one; null for all. */
  object_id: string | null
  /** The bound filter as JSON; null for none. */
  filter: string | null
  /** Comma list of created, updated, deleted. */
  change_type: string
  notification_url: string
  lifecycle_url: string | null
  client_state: string | null
  tls_version: string
  expires_at: string
  /** When its owner is next told to reauthorize; null when told already or nobody listens. */
  reauthorize_at: string | null
  /** The last outbox number whose changes are queued for delivery. */
  position: number
  created_at: string
}
