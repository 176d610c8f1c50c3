/** The screens of the rail: the part of the address, the word and the sign of each. */
export const railScreens: readonly (readonly [screen: string, word: string, icon: string])[] = [
  ['incidents', 'Incidents', '▤'],
  ['tasks', 'Tasks', '☑'],
  ['devices', 'Assets', '▢'],
  ['alerts', 'Alerts', '△'],
  ['reports', 'Reports', '▥'],
  ['audit', 'Audit', '≡'],
  ['settings', 'Settings', '⚙'],
]

/** The lists behind Assets; the rail leads to the first. */
export const assetScreens = [
  ['devices', 'Devices'],
  ['users', 'Users'],
  ['mailboxes', 'Mailboxes'],
] as const

/** The screens behind Settings; the rail leads to the first. Hosts with an agent stand among the assets as well. */
export const settingsScreens = [
  ['settings', 'General'],
  ['connectors', 'Connectors'],
  ['devices', 'Agents'],
  ['policies', 'Policies'],
] as const

/** The parts of an incident, each with an address of its own. */
export const incidentTabs = [
  ['story', 'Story'],
  ['tasks', 'Tasks'],
  ['alerts', 'Alerts'],
  ['assets', 'Assets'],
  ['evidence', 'Evidence'],
  ['activity', 'Activity'],
] as const

/** One of {@link incidentTabs}. */
export type IncidentTab = (typeof incidentTabs)[number][0]
