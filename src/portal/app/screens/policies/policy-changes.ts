/** One place of the policy that says something else. */
export interface PolicyChange {
  /** `fourEyes.rules[0].approvals`. */
  readonly path: string
  /** As JSON; null for what was not there. */
  readonly before: string | null
  /** As JSON; null for what is taken away. */
  readonly after: string | null
}

/** Where two documents differ, down to the single values, in the order of the new one; what is taken away comes last at its level. */
export function listPolicyChanges(before: unknown, after: unknown, path: string = ''): readonly PolicyChange[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const [old, now] = [membersOf(before), membersOf(after)]
  if (old === null || now === null || Array.isArray(before) !== Array.isArray(after)) {
    return [{ path: path === '' ? 'the whole document' : path, before: write(before), after: write(after) }]
  }
  const names = [...now.keys(), ...[...old.keys()].filter((name) => !now.has(name))]
  const isList = Array.isArray(after)
  return names.flatMap((name) => {
    const inner = isList ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`
    return listPolicyChanges(old.get(name), now.get(name), inner)
  })
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | null {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null
}

function write(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

/** What a change means for people, where the place alone does not say it. */
export function explainChange({ path, after }: PolicyChange): string | null {
  const meaning = meanings.find(([start]) => path.startsWith(start))?.[1]
  return meaning === undefined ? null : meaning(after)
}

const meanings: readonly (readonly [path: string, says: (after: string | null) => string])[] = [
  [
    'confirmation.holdOnPhones',
    (after) =>
      after === 'true'
        ? 'On a narrow or touch screen, people may hold the button for 1.5 s where the exact name is typed otherwise: quicker with one hand, and easier to do by mistake. The audit log says which it was.'
        : 'The exact name is typed on every screen.',
  ],
  [
    'managedResponse.excluded',
    (after) =>
      after === null
        ? 'The consents decide again about these things.'
        : 'Experts do not act on these things by themselves; what they send about them is guided.',
  ],
  [
    'managedResponse.paused',
    (after) => (after === 'true' ? 'Experts only propose.' : 'Experts act by themselves where the consents cover it.'),
  ],
  [
    'dispatch.paused',
    (after) => (after === 'true' ? 'Nothing more is handed over to any target.' : 'What waits goes on.'),
  ],
]
