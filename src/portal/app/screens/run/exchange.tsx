import { Name } from '../../parts/badges.tsx'
import { Time } from '../../parts/time.tsx'
import type { WholeRun } from './run-query.ts'

/** What was sent and what came back, as it is: to each host, or what was asked of another connector and what it left behind. */
export function Exchange({ run }: { run: WholeRun }) {
  const { orders, orderCount } = run
  return (
    <section aria-label="Sent and received" className="box p-4">
      <h2>Sent and received</h2>
      {orders.length === 0 ? (
        <>
          <p className="mt-1 text-meta text-ink-2">
            No order to an agent. What was asked of {run.connector ?? 'nobody'}, and the state before and after as it
            was read:
          </p>
          <Json name="Asked" value={run.parameters} />
          <Json name="Found" value={run.result} />
        </>
      ) : null}
      {orderCount > orders.length ? (
        <p className="mt-1">
          The first {orders.length} of {orderCount} hosts by name.
        </p>
      ) : null}
      {orders.map((order) => (
        <details key={order.id} className="mt-2" data-order-id={order.id}>
          <summary className="min-h-7 cursor-pointer">
            <Name>{order.hostName}</Name> <span className="text-meta text-ink-2">{order.state}</span>
          </summary>
          <p className="flex flex-wrap gap-x-3 text-meta text-ink-2">
            <span>
              written <Time at={order.createdAt} exact />
            </span>
            <Moment word="fetched" at={order.deliveredAt} />
            <Moment word="recorded by the host" at={order.acknowledgedAt} />
            <Moment word="reported" at={order.finishedAt} />
          </p>
          <Json name="Request, signed by the server" value={order.request} />
          <Json name="Response" value={order.response} />
        </details>
      ))}
    </section>
  )
}

function Moment({ word, at }: { word: string; at: string | null }) {
  return at === null ? (
    <span>not {word}</span>
  ) : (
    <span>
      {word} <Time at={at} exact />
    </span>
  )
}

function Json({ name, value }: { name: string; value: unknown }) {
  return (
    <>
      <h3 className="mt-2">{name}</h3>
      <pre className="mt-1 rounded-box bg-sunken p-3 text-table whitespace-pre-wrap wrap-anywhere">
        {value === null || value === undefined ? 'nothing' : JSON.stringify(value, null, 2)}
      </pre>
    </>
  )
}
