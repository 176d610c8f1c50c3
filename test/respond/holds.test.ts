import assert from 'node:assert/strict'
import test from 'node:test'
import type { ActionType } from '../../src/model/actions.ts'
import { type Done, findHolders } from '../../src/respond/engine/holds.ts'

/** `disable a`, `enable b`, `undo b`: the last word names what is done, or what is undone. */
function play(...steps: readonly string[]): string[] {
  const history: Done[] = []
  for (const step of steps) {
    const [what, name = ''] = step.split(' ')
    const undone = history.find(({ id }) => id === name)
    const inverse: ActionType = undone?.actionType === 'disableUser' ? 'enableUser' : 'disableUser'
    const actionType = what === 'disable' ? 'disableUser' : what === 'enable' ? 'enableUser' : inverse
    const isUndo = what === 'undo'
    history.push({
      id: isUndo ? `undo of ${name}` : name,
      kind: isUndo ? 'undo' : 'run',
      undoes: isUndo ? name : null,
      actionType,
      state: 'succeeded',
    })
  }
  return [...findHolders(history)].sort()
}

test('a release that is undone gives a target back to those who held it and still want it', () => {
  assert.deepEqual(play('disable a', 'disable b'), ['a', 'b'])
  assert.deepEqual(play('disable a', 'disable b', 'undo a'), ['b'])
  assert.deepEqual(play('disable a', 'disable b', 'enable c'), [])
  assert.deepEqual(play('disable a', 'disable b', 'enable c', 'undo c'), ['a', 'b'])
  assert.deepEqual(play('disable a', 'enable c', 'undo c', 'undo a'), [])
  assert.deepEqual(play('disable a', 'disable b', 'enable c', 'undo a', 'undo c'), ['b'])
  assert.deepEqual(play('disable a', 'enable c', 'undo a', 'undo c'), [])
  assert.deepEqual(play('disable a', 'enable c', 'disable d', 'undo c', 'undo d'), ['a'])
})

test('what was undone never holds its target again, whatever ended in the same tick of the clock', () => {
  assert.deepEqual(play('disable a', 'undo a', 'enable c', 'undo c'), ['undo of c'])
  const history: Done[] = [
    { id: 'undo of a', kind: 'undo', undoes: 'a', actionType: 'enableUser', state: 'succeeded' },
    { id: 'c', kind: 'run', undoes: null, actionType: 'enableUser', state: 'succeeded' },
    { id: 'a', kind: 'run', undoes: null, actionType: 'disableUser', state: 'succeeded' },
    { id: 'undo of c', kind: 'undo', undoes: 'c', actionType: 'disableUser', state: 'succeeded' },
  ]
  assert.deepEqual([...findHolders(history)], ['undo of c'])
})

test('a release that ended nobody’s hold is held by its own undo', () => {
  assert.deepEqual(play('enable c', 'undo c'), ['undo of c'])
})
