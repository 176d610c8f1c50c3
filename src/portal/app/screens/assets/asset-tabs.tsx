import { assetScreens } from '../../../shown/screens.ts'
import { useApp } from '../../frame/app.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { screenPath } from '../../paths.ts'

/** The three kinds of assets, each with a list of its own. */
export function AssetTabs({ current }: { current: string }) {
  const { session } = useApp()
  const hrefOf = (screen: string): string => screenPath(session.tenant.id, screen === '' ? 'devices' : screen)
  return <TabLinks label="Assets" tabs={assetScreens} current={current} hrefOf={hrefOf} />
}
