/** Seven colours and eight patterns: of 56 tenants made one after the other no two look alike, and the next one differs in both. */
const colours = 7
const patterns = [
  'M0 0h14v14H0z',
  'M0 0h14v3H0zM0 5.5h14v3H0zM0 11h14v3H0z',
  'M0 0h3v14H0zM5.5 0h3v14h-3zM11 0h3v14h-3z',
  'M0 0h5L0 5zM9 0h5L0 14V9zM14 9v5H9z',
  'M0 0h7v7H0zM7 7h7v7H7z',
  'M0 0h4v4H0zM10 0h4v4h-4zM5 5h4v4H5zM0 10h4v4H0zM10 10h4v4h-4z',
  'M0 0h14v14H0zM3.5 3.5v7h7v-7z',
  'M5 0h4v5h5v4H9v5H5V9H0V5h5z',
] as const

/** How the mark of a tenant looks: its class, the number of its pattern and the path that draws it in a box of 14 by 14. */
export function drawTenantMark(mark: number): {
  readonly className: string
  readonly pattern: number
  readonly path: string
} {
  const pattern = mark % patterns.length
  return { className: `tenant-mark tenant-${mark % colours}`, pattern, path: patterns[pattern] ?? patterns[0] }
}

/** True where the short code would only say the name again. */
export function isCodeSaid(tenant: { readonly name: string; readonly code: string; readonly mark: number }): boolean {
  return tenant.code === tenant.name.toLowerCase() || tenant.mark < 0
}
