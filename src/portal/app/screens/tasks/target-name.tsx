import { Name } from '../../parts/badges.tsx'

/** What a row acts on; a device that is named by an id by its name first. @param props.target as the row names it */
export function TargetName({ target, deviceName }: { target: string; deviceName: string | undefined }) {
  if (deviceName === undefined) {
    return (
      <code>
        <Name>{target}</Name>
      </code>
    )
  }
  return (
    <code title={`${deviceName} ${target}`}>
      <Name>{deviceName}</Name>{' '}
      <span className="text-ink-2">
        <Name>{target}</Name>
      </span>
    </code>
  )
}
