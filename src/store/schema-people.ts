/** A message to people through one channel; what became of it. */
export interface DeliveryRow {
  tenant_id: string
  /** Made from notice, channel, receiver and step, so that one notice makes one message for each. */
  id: string
  /** The channel. */
  connector_id: string
  /** Id of the person; empty for whomever the channel's settings name. */
  recipient: string
  event: string
  incident_id: number
  /** As it is sent, JSON {@link ../model/notices/message.ts NoticeMessage}. */
  message: string
  /** `waiting`, `delivered` or `failed`. */
  state: string
  attempts: number
  /** What the last attempt ended with; null when it went well or there was none. */
  last_error: string | null
  created_at: string
  finished_at: string | null
}

/** How a person wants to be told. */
export interface PersonSettingsRow {
  tenant_id: string
  user_id: string
  /** JSON {@link ../model/notices/settings.ts PersonSettings} */
  settings: string
  version: number
  updated_at: string
}

/** That a person has opened an incident, the first time. */
export interface SightRow {
  tenant_id: string
  incident_id: number
  user_id: string
  /** The name at that time. */
  user_name: string
  at: string
}

/** Who has taken an incident on, the last of them. */
export interface AcknowledgementRow {
  tenant_id: string
  incident_id: number
  user_id: string
  user_name: string
  at: string
}

/** What goes on while nobody acknowledges an incident; the last one of each. */
export interface EscalationRow {
  tenant_id: string
  incident_id: number
  /** The notice it began with: its job's id, and JSON {@link ../model/notices/notice.ts Notice}. */
  notice_id: string
  notice: string
  started_at: string
  /** The step that comes next. */
  step: number
  /** When it comes; null when it is over. */
  next_at: string | null
  /** `running`, `acknowledged`, `closed` or `exhausted`. */
  state: string
}
