import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type { Pool } from 'pg'
import { isLate } from './scanner.ts'

/** Turns what a read failed with into what its caller gets. */
export type ExplainFailure = (cause: unknown, stage: 'connect' | 'query') => unknown

/** A pool for reads beside the one for transactions, on the same connections: its failures are explained, and its end is the other's. */
export function guardReads(pool: Pool, explain: ExplainFailure): PostgresPool {
  return {
    options: pool.options,
    connect: async () => {
      try {
        return guardClient(await pool.connect(), explain)
      } catch (cause) {
        throw explain(cause, 'connect')
      }
    },
    end: async () => undefined,
  }
}

function guardClient(client: PostgresPoolClient, explain: ExplainFailure): PostgresPoolClient {
  let isBroken = false
  const query = async (text: string, parameters: readonly unknown[]): Promise<unknown> => {
    try {
      return await client.query(text, parameters)
    } catch (cause) {
      const explained = explain(cause, 'query')
      // One that was given up for late goes on with the next.
      isBroken = explained !== cause && !isLate(explained)
      throw explained
    }
  }
  // Kysely asks for a cursor with something else than a text, and gets it at once.
  const ask = (what: unknown, parameters: unknown): unknown =>
    typeof what === 'string'
      ? query(what, Array.isArray(parameters) ? parameters : [])
      : Reflect.apply(client.query, client, [what])
  return {
    query: ask as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy === true || isBroken),
  }
}
