import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { originOf, readCheckpoint, signCheckpoint } from '../../src/audit/checkpoint.ts'
import { growTree, isTree } from '../../src/audit/merkle.ts'
import { openNote, readVerifierKey, signNote, writeVerifierKey } from '../../src/audit/signed-note.ts'
import { canonicalJson } from '../../src/protocol/canonical.ts'
import { canonicalEntry, hashEntry, storableText } from '../../src/store/audit-entry.ts'
import { key } from './given.ts'

/** Leaves and the roots of the trees over the first 1 to 8 of them. @source test data of the Certificate Transparency project for RFC 6962 */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const leafOf = (hex: string): Buffer =>
  createHash('sha256')
    .update(Buffer.concat([Buffer.of(0), Buffer.from(hex, 'hex')]))
    .digest()

test('the tree has the roots that the known leaves give', () => {
  const tree = growTree()
  assert.equal(tree.root().toString('hex'), createHash('sha256').digest('hex'))

  for (const [index, leaf] of leaves.entries()) {
    tree.push(leafOf(leaf))
    assert.equal(tree.root().toString('hex'), roots[index], `of ${index + 1}`)
    assert.ok(isTree(tree.snapshot()))
  }
})

test('a tree goes on from what was kept of it, at any size', () => {
  for (let size = 0; size < leaves.length; size++) {
    const first = growTree()
    for (const leaf of leaves.slice(0, size)) first.push(leafOf(leaf))
    const second = growTree(first.snapshot())
    for (const leaf of leaves.slice(size)) second.push(leafOf(leaf))

    assert.equal(second.root().toString('hex'), roots.at(-1), `from ${size}`)
  }
})

/** @source the example in the documentation of Go's package golang.org/x/mod/sumdb/note */
const foreignKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const foreignNote = [
  'If you think cryptography is the answer to your problem,',
  "then you don't know what your problem is.",
  '',
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=',
  '',
].join('\n')

test('a note that another program signed is opened with the key as that program writes it', () => {
  const verifier = readVerifierKey(foreignKey)

  assert.ok(verifier)
  assert.equal(writeVerifierKey(verifier), foreignKey)
  assert.equal(openNote(foreignNote, [verifier]), `${foreignNote.split('\n').slice(0, 2).join('\n')}\n`)
  assert.equal(openNote(foreignNote.replace('answer', 'question'), [verifier]), null)
})

test('a note is opened only with a key that signed it, and beside signatures of others', () => {
  const other = generateKeyPairSync('ed25519')
  const [own, strange] = [key, other].map(({ publicKey }) => ({ name: 'a.example/log', publicKey }))
  const note = signNote('text\n', 'a.example/log', key.privateKey)
  const second = signNote('text\n', 'a.example/log', other.privateKey).split('\n').at(-2)
  const both = `${note}${second}\n`
  assert.ok(own && strange)

  assert.equal(openNote(note, [own]), 'text\n')
  assert.equal(openNote(note, [strange]), null)
  assert.equal(openNote(note, [{ ...own, name: 'b.example/log' }]), null)
  assert.equal(openNote(both, [own]), 'text\n')
  assert.equal(openNote(both, [strange]), 'text\n')
  assert.equal(openNote(both.replace('text', 'next'), [own, strange]), null)
})

test('no bit of a checkpoint can be changed', () => {
  const checkpoint = { tenantId: 'tenant', size: 1_234, root: leafOf('') }
  const note = signCheckpoint(checkpoint, key.privateKey)
  assert.deepEqual(readCheckpoint(note, [key.publicKey]), checkpoint)
  assert.equal(note.split('\n')[0], 'cordon/audit/tenant')

  const bytes = Buffer.from(note)
  for (let at = 0; at < bytes.length * 8; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7))
    assert.equal(readCheckpoint(flipped.toString('utf8'), [key.publicKey]), null, `bit ${at}`)
  }
})

test('a checkpoint names its log, whatever the tenant is called', () => {
  for (const tenantId of ['a b+c', '../x', '日本', 'ac8cbe22-d758-475c-b292-b4f347bb7035']) {
    const note = signCheckpoint({ tenantId, size: 0, root: leafOf('') }, key.privateKey)

    assert.match(originOf(tenantId), /^cordon\/audit\/[^\s+/]+$/)
    assert.equal(readCheckpoint(note, [key.publicKey])?.tenantId, tenantId)
  }
})

test('an entry is spelled as RFC 8785 has it, and hashed as a leaf', () => {
  const entry = {
    tenant_id: 'tenant',
    seq: 7,
    at: '2026-03-01T10:00:00.0000000Z',
    actor_id: 'someone',
    actor_kind: 'user',
    actor_name: 'Größe "𝒳" \u0007',
    action: 'updateIncident',
    object_type: 'incident',
    object_id: '29',
    decision: 'allowed',
    code: null,
    reason: null,
    request_id: 'request',
    client_request_id: null,
    before_digest: null,
    after_digest: 'ab',
    details: '{"a": 1}',
  }

  const canonical = canonicalEntry(entry, roots[0] ?? '')

  assert.equal(canonical, canonicalJson(JSON.parse(canonical)))
  assert.deepEqual([JSON.parse(canonical).previous, JSON.parse(canonical).seq], [roots[0], 7])
  assert.equal(Object.keys(JSON.parse(canonical)).length, Object.keys(entry).length + 2)
  assert.equal(hashEntry(canonical), leafOf(Buffer.from(canonical).toString('hex')).toString('hex'))
})

test('text that no database keeps as it is becomes text that it keeps', () => {
  assert.equal(storableText('Größe 𝒳'), 'Größe 𝒳')
  assert.equal(storableText('a\0b\ud800c\udc00d\ufffde'), 'a?b?c?d?e')
})
