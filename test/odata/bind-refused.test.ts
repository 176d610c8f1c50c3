import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ResourceDescription } from '../../src/api/odata/resource.ts'
import { alerts, betaIncidents, filter, incidents, refusalOf, tasks } from './given.ts'

const refused: readonly (readonly [text: string, resource: ResourceDescription, part: RegExp])[] = [
  [
    "tenantSecret eq 'a'",
    incidents,
    /^Invalid filter clause: Could not find a property named 'tenantSecret' on type 'microsoft\.graph\.security\.incident'\.$/,
  ],
  [
    "constructor eq 'a'",
    incidents,
    /^Invalid filter clause: Could not find a property named 'constructor' on type 'microsoft\.graph\.security\.incident'\.$/,
  ],
  ["__proto__/x eq 'a'", incidents, /Could not find a property named '__proto__' on type/],
  ["Status eq 'active'", incidents, /Could not find a property named 'Status'/],
  ["status/x eq 'active'", incidents, /Could not find a property named 'x' on type/],
  ["recommendedActions eq 'a'", incidents, /Could not find a property named 'recommendedActions'/],
  ["incidentId eq '1'", incidents, /Could not find a property named 'incidentId'/],
  ['status eq 1', incidents, /A member of .*incidentStatus.* in single quotes is expected, at position 10/],
  [
    "status eq 'acive'",
    incidents,
    /'acive' is not a member of 'microsoft.graph.security.incidentStatus', at position 10/,
  ],
  ["status eq ' active'", incidents, /not a member/],
  ["status eq 'active,resolved'", incidents, /not a member/],
  ["status eq '3'", incidents, /not a member/],
  ["status eq '1e2'", incidents, /not a member/],
  ["status eq 'toString'", incidents, /not a member/],
  ["status eq microsoft.graph.security.alertSeverity'high'", incidents, /is not the type/],
  ["status eq datetime'2026-01-01'", incidents, /is not the type/],
  ["status has 'active'", incidents, /'has' needs a flags enumeration/],
  ['id eq 29', incidents, /a string in single quotes.*position 6/],
  ['id eq 00000000-0000-0000-0000-000000000000', tasks, /a string in single quotes/],
  ["priorityScore eq '5'", incidents, /a number/],
  ['createdDateTime eq 99999-01-01T00:00:00Z', incidents, /not a date and time/],
  ['createdDateTime eq 0000-01-01', incidents, /not a date and time/],
  ['createdDateTime eq 2026-02-30', incidents, /not a date and time/],
  ['createdDateTime eq 2026-01-01T25:00:00Z', incidents, /not a date and time/],
  ['createdDateTime eq 2026-01-01T00:00:00.1234567890123Z', incidents, /not a date and time/],
  ["createdDateTime eq 'yesterday'", incidents, /not a date and time/],
  ['createdDateTime eq 5', incidents, /a date and time/],
  ["createdDateTime ge datetime'2026-01-01T00:00:00'", incidents, /a date and time/],
  ["not status eq 'active'", incidents, /'status' is not a condition/],
  ['status', incidents, /not a condition/],
  ['true', incidents, /A value alone/],
  ["'a' eq 'a'", incidents, /left side/],
  ["'active' eq status", incidents, /left side/],
  ['createdDateTime lt lastUpdateDateTime', incidents, /must be written out/],
  ["displayName eq tolower('x')", incidents, /must be written out/],
  ["(status eq 'active') gt true", incidents, /only with eq or ne/],
  ["(status eq 'active') eq 'x'", incidents, /only with eq or ne/],
  ["displayName eq (status eq 'active')", incidents, /must be written out/],
  ["matchesPattern(assignedTo,'(a+)+$')", incidents, /'matchespattern' is not supported/],
  ["substringof('a',assignedTo)", incidents, /'substringof' is not supported/],
  ["cast(id,'Edm.Int64') gt 0", incidents, /'cast' is not supported/],
  ["isof('Edm.String')", incidents, /'isof' is not supported/],
  ['createdDateTime gt now()', incidents, /must be written out/],
  ['year(createdDateTime) eq 2026', incidents, /'year' is not supported/],
  ["$it/status eq 'active'", incidents, /'\$it\/status' is not supported/],
  ['status eq @p1', incidents, /not a member/],
  ["@p1 eq 'x'", incidents, /'@p1' is not supported/],
  ["contains(status,'a')", incidents, /'status' is not a string/],
  ['contains(displayName,5)', incidents, /a string in single quotes/],
  ["contains('a',displayName)", incidents, /left side/],
  ['contains(displayName)', incidents, /takes a property and a string/],
  ["contains(displayName,'a','b')", incidents, /takes a property and a string/],
  ['tolower(displayName)', incidents, /not a condition/],
  ["tolower(displayName,'x') eq 'x'", incidents, /takes one property/],
  ['length(createdDateTime) eq 3', incidents, /not a string/],
  ["alerts/any(a:a/severity eq 'high')", incidents, /cannot be looked for by 'severity', only by serviceSource/],
  ["alerts/any(a:a/serviceSource eq 'high')", incidents, /'high' is not a member/],
  ["alerts/any(a:a/serviceSource eq 'microsoftSentinel')", incidents, /include-unknown-enum-members/],
  ["alerts/any(a:a/serviceSource eq 'unknown' and a/status eq 'new')", incidents, /looked for by 'status'/],
  ["alerts/any(a:tolower(a/serviceSource) eq 'unknown')", incidents, /A condition like a\/serviceSource/],
  ["alerts/any(a:contains(a/serviceSource,'x'))", incidents, /A condition like a\/serviceSource/],
  ["alerts/any(a:serviceSource eq 'unknown')", incidents, /A condition like a\/serviceSource/],
  ['alerts/any()', incidents, /only by conditions on serviceSource/],
  ["alerts/any(a:a/evidence/any(e:e/tags/any(t:t eq 'x')))", incidents, /nested/],
  ["customTags eq 'x'", incidents, /any, all and \$count look into it/],
  ["comments eq 'x'", incidents, /not a single value/],
  ['alerts eq null', incidents, /not a single value/],
  ["customTags/any(t:u eq 'x')", incidents, /only the variable 't'/],
  ["customTags/any(t:status eq 'active')", incidents, /only the variable 't'/],
  ["customTags/any(t:t/x eq 'a')", incidents, /has no properties/],
  ["comments/any(c:c eq 'a')", incidents, /followed by a property/],
  [
    "comments/any(c:c/secret eq 'a')",
    incidents,
    /Could not find a property named 'secret' on type 'microsoft\.graph\.security\.alertComment'/,
  ],
  ["foo/any(t:t eq 'a')", incidents, /Could not find a property named 'foo'/],
  ['alerts/$count gt 1', incidents, /not supported on 'alerts'/],
  ["recommendedHuntingQueries/any(q:q/kqlText eq 'a')", betaIncidents, /not supported on/],
  ["incident/displayName eq 'x'", tasks, /The path 'incident\/displayName' is not supported/],
  ["responseAction/identifierValue eq 'x'", tasks, /is not supported/],
  ["incidentWebUrl eq 'x'", incidents, /neither filtered nor sorted/],
  ['evidence/any()', alerts, /only with any and one condition/],
  ["evidence/all(e:e/microsoft.graph.security.ipEvidence/ipAddress eq '1')", alerts, /only with any/],
  ["evidence/any(e:e/microsoft.graph.security.ipEvidence/ipAddress ne '1')", alerts, /only by one eq/],
  ["evidence/any(e:e/microsoft.graph.security.ipEvidence/ipAddress eq '1' and e/x eq '2')", alerts, /only by one eq/],
  ["evidence/any(e:e/ipAddress eq '1')", alerts, /A path like/],
  [
    "evidence/any(e:e/microsoft.graph.security.ipEvidence/countryLetterCode eq 'DE')",
    alerts,
    /'countryLetterCode' of 'ipEvidence'/,
  ],
  [
    "evidence/any(e:e/microsoft.graph.security.ipEvidence/mdeDeviceId eq 'DE')",
    alerts,
    /'mdeDeviceId' of 'ipEvidence'/,
  ],
  ["evidence/any(e:e/microsoft.graph.security.fooEvidence/url eq 'x')", alerts, /not a type of evidence/],
  ["evidence/any(e:e/microsoft.graph.security.incident/id eq 'x')", alerts, /not a type of evidence/],
  ['evidence/any(e:e/microsoft.graph.security.ipEvidence/ipAddress eq 1)', alerts, /string in single quotes/],
  ['evidence/$count gt 1', alerts, /not supported on 'evidence'/],
  ["tags/any(t:t eq 'x')", alerts, /Could not find a property named 'tags'/],
]

suite('$filter texts that break the model', () => {
  for (const [text, resource, part] of refused) {
    test(`refuses ${text} on ${resource.entityType}`, () => {
      const error = refusalOf(() => filter(text, resource))

      assert.equal(error.status, 400)
      assert.equal(error.code, 'BadRequest')
      assert.match(error.message, /^Invalid filter clause: /)
      assert.match(error.message, part)
    })
  }

  test('names a hidden column exactly like an unknown name', () => {
    const hidden = refusalOf(() => filter("secret_hash eq 'a'")).message
    const unknown = refusalOf(() => filter("secret_hush eq 'a'")).message

    assert.equal(hidden, unknown.replace('secret_hush', 'secret_hash'))
  })

  test('shortens a very long name in its message', () => {
    const error = refusalOf(() => filter(`${'x'.repeat(5000)} eq 'a'`))

    assert.ok(error.message.length < 300)
  })
})
