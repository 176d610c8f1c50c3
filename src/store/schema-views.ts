/** A filter of a list that somebody keeps under a name. */
export interface SavedViewRow {
  tenant_id: string
  id: string
  /** Application or person that made it. */
  owner_id: string
  owner_name: string
  /** 1 for one that everybody in the tenant sees. */
  shared: number
  screen: string
  name: string
  /** The search part of the address, without the question mark. */
  query: string
  /** Roles that begin with it: names between commas. */
  default_for: string
  created_at: string
  updated_at: string
}
