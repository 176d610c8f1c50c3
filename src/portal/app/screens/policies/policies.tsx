import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Button } from '../../parts/button.tsx'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { DispatchSwitch } from '../approvals/dispatch.tsx'
import { ManagedSwitch } from '../approvals/managed.tsx'
import { SettingsTabs } from '../settings/settings-tabs.tsx'
import { readHoldChoice, writeHoldChoice } from './hold-choice.ts'
import { usePolicy, type WholePolicy } from './policy-query.ts'

const ReviewDialog = lazy(() => import('./review.tsx'))

/** The safety policy: what it says, in short, and the document itself. */
export function PoliciesScreen() {
  const policy = usePolicy()
  return (
    <div className="space-y-4 p-4">
      <Title text="Policies" />
      <SettingsTabs current="policies" />
      <DispatchSwitch />
      <ManagedSwitch />
      {policy.isError && policy.data === undefined ? (
        <Failure error={policy.error} retry={() => void policy.refetch()} />
      ) : null}
      {policy.data === undefined ? (
        policy.isError ? null : (
          <Skeleton />
        )
      ) : (
        <>
          <Summary policy={policy.data} />
          <Editor policy={policy.data} />
        </>
      )}
    </div>
  )
}

function Summary({ policy }: { policy: WholePolicy }) {
  const lines = [
    ['Version', `${policy.version}`],
    [
      'Protected',
      `${writeCount(policy.protectedAssets.length, 'rule', 'rules')}, and root, krbtgt and Administrator always`,
    ],
    ['Groups', policy.assetGroups.map((group) => String(group.name)).join(', ') || 'none'],
    [
      'Budgets',
      policy.budgets
        .map((budget) => `${budget.maxActions} in ${budget.windowMinutes} min per ${budget.per}`)
        .join('; ') || 'none',
    ],
    [
      'Four eyes',
      policy.fourEyes.rules.map((rule) => `${rule.name ?? 'rule'}: ${rule.approvals} more`).join('; ') ||
        'nothing needs a second person',
    ],
    [
      'Strong actions',
      policy.signIn.freshMinutes === null
        ? 'by whoever is signed in'
        : `need a sign-in of the last ${policy.signIn.freshMinutes} min`,
    ],
    [
      'On phones',
      policy.confirmation.holdOnPhones
        ? 'the button may be held for 1.5 s instead of the name being typed'
        : 'the exact name is typed, as everywhere',
    ],
    [
      'Managed response',
      policy.managedResponse.paused
        ? 'paused: every managed task is guided'
        : `${writeCount(policy.managedResponse.consent.length, 'consent', 'consents')}, ${writeCount(policy.managedResponse.excluded.length, 'exclusion', 'exclusions')}`,
    ],
  ]
  return (
    <dl className="box grid grid-cols-[9rem_1fr] gap-y-1 p-4 max-sm:grid-cols-1">
      {lines.map(([term, text]) => (
        <div key={term} className="contents">
          <dt className="text-ink-2">{term}</dt>
          <dd>{text}</dd>
        </div>
      ))}
      <dt className="text-ink-2">Changed</dt>
      <dd>
        <Time at={policy.lastModifiedDateTime} />
      </dd>
    </dl>
  )
}

/** What is being written, and what it was written upon. */
function useDraft(policy: WholePolicy) {
  const { api } = useApp()
  const queries = useQueryClient()
  const stored = JSON.stringify(policy.document, null, 2)
  const [base, setBase] = useState({ text: stored, etag: policy.etag })
  const [draft, setDraft] = useState(stored)
  const take = (): void => {
    setBase({ text: stored, etag: policy.etag })
    setDraft(stored)
  }
  const isChanged = draft !== base.text
  // What was read anew takes the place of the old text, unless somebody is typing.
  if (!isChanged && (stored !== base.text || policy.etag !== base.etag)) take()
  const save = useMutation({
    mutationFn: async () => {
      const body: unknown = JSON.parse(draft)
      await api.call('PUT', '/api/v1/policies', { body, headers: { 'If-Match': base.etag ?? '*' } })
    },
    onSuccess: () => setBase({ text: draft, etag: base.etag }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['policy'] }),
  })
  return { draft, stored: base.text, setDraft, take, save, isChanged, isStale: isChanged && policy.etag !== base.etag }
}

function Editor({ policy }: { policy: WholePolicy }) {
  const { may, isAuditor } = useApp()
  const { draft, stored, setDraft, take, save, isChanged, isStale } = useDraft(policy)
  const [isReviewed, review] = useState(false)
  const mayWrite = may('Cordon.Admin')
  const off = !mayWrite
    ? 'Only an admin changes the policy.'
    : save.isPending
      ? 'Saving …'
      : !isChanged
        ? 'Nothing is changed.'
        : whatIsWrong(draft)
  return (
    <section className="box p-4">
      {isAuditor ? null : <HoldChoice draft={draft} set={mayWrite ? setDraft : null} />}
      <label className="mt-3 block">
        <span className="font-semibold">The document</span>
        <textarea
          className="field mt-2 font-mono text-table"
          rows={24}
          spellCheck={false}
          readOnly={!mayWrite}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
      </label>
      {isStale ? (
        <p className="mt-2">
          Somebody changed the policy meanwhile. Your text is kept; copy it, then take what is stored.
        </p>
      ) : null}
      <Suspense fallback={null}>
        {isReviewed ? <ReviewDialog before={stored} after={draft} save={save} onClose={() => review(false)} /> : null}
      </Suspense>
      {isAuditor ? null : (
        <div className="mt-3 flex flex-wrap gap-2">
          <Button kind="primary" off={off} onPress={() => review(true)}>
            Review the change
          </Button>
          {isChanged ? (
            <button type="button" className="button" onClick={take}>
              Take what is stored
            </button>
          ) : null}
        </div>
      )}
    </section>
  )
}

/** One choice of the document as a control: it changes the text below, which is reviewed like any other change. */
function HoldChoice({ draft, set }: { draft: string; set: ((draft: string) => void) | null }) {
  const isOn = readHoldChoice(draft)
  return (
    <label className="flex min-h-7 items-center gap-2">
      <input
        type="checkbox"
        className="size-6 shrink-0"
        checked={isOn === true}
        disabled={isOn === null || set === null}
        onChange={(event) => set?.(writeHoldChoice(draft, event.target.checked))}
      />
      On phones, holding the button for 1.5 s may take the place of typing the name
    </label>
  )
}

function whatIsWrong(draft: string): string | null {
  try {
    JSON.parse(draft)
    return null
  } catch (cause) {
    return `This is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}
