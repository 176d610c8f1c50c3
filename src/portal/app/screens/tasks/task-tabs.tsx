import { useApp } from '../../frame/app.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { screenPath } from '../../paths.ts'
import { tabs } from './task-list.tsx'

const all = [...tabs, ['approvals', 'Approvals']] as const

/** The lists of tasks, and what waits for a second person. @param hrefOf the address of a list; empty for the first */
export function TaskTabs({ current, hrefOf }: { current: string; hrefOf: (tab: string) => string }) {
  const { session } = useApp()
  return (
    <TabLinks
      label="Tasks"
      tabs={all}
      current={current}
      hrefOf={(tab) => (tab === 'approvals' ? screenPath(session.tenant.id, tab) : hrefOf(tab))}
    />
  )
}
