import { openStore } from '../../src/store/db.ts'

// A process of its own that counts a stored number up: `node count.ts DATABASE TIMES`.

export const countedTenant = 'counting'
export const counted = 'count'

async function countUp(target: string, times: number): Promise<void> {
  const store = await openStore(target)
  const key = { tenant_id: countedTenant, key: counted }
  for (let round = 0; round < times; round++) {
    await store.transaction(async (tx) => {
      await tx
        .insertInto('settings')
        .values({ ...key, value: '0' })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const query = tx
        .selectFrom('settings')
        .select('value')
        .where('tenant_id', '=', countedTenant)
        .where('key', '=', counted)
      const row = await (store.dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow()
      await tx
        .updateTable('settings')
        .set({ value: String(Number(row.value) + 1) })
        .where('tenant_id', '=', countedTenant)
        .where('key', '=', counted)
        .execute()
    })
  }
  await store.close()
}

if (import.meta.main) {
  const [, , target = '', times = ''] = process.argv
  await countUp(target, Number(times))
}
