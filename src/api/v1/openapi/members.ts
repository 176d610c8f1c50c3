import { roleNames } from '../../../model/permissions.ts'
import { type DescribedOperations, guid, instant, json, listOf, record, refTo, type Schema, textOf } from './content.ts'

const role = textOf(...roleNames)

/** Schemas of people who have a role in a tenant that is not their own. */
export const memberSchemas: Readonly<Record<string, Schema>> = {
  'cordon.member': record({
    personId: guid,
    userId: guid,
    name: textOf(),
    role,
    homeTenantId: guid,
    homeTenantName: textOf(),
    createdDateTime: instant,
  }),
  'cordon.member.write': record({ role }),
}

const member = json(refTo('cordon.member'))

/** Giving them one, and taking it away. */
export const memberOperations: DescribedOperations = {
  listMembers: {
    summary: 'Who of other tenants has a role in this one',
    response: json(record({ value: listOf(refTo('cordon.member')) })),
  },
  addMember: {
    summary: 'Give somebody of another tenant a role here, or another role',
    request: json(refTo('cordon.member.write')),
    response: member,
  },
  removeMember: { summary: 'End it, at once' },
}
