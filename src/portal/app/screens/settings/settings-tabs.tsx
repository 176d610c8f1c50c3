import { settingsScreens } from '../../../shown/screens.ts'
import { useApp } from '../../frame/app.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { screenPath } from '../../paths.ts'

/** What stands under Settings, each with an address of its own. */
export function SettingsTabs({ current }: { current: string }) {
  const { session } = useApp()
  const hrefOf = (screen: string): string => screenPath(session.tenant.id, screen === '' ? 'settings' : screen)
  return <TabLinks label="Settings" tabs={settingsScreens} current={current} hrefOf={hrefOf} />
}
