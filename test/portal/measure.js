// Runs inside the page. Each function answers with lines that say what is wrong, or with plain facts.
{
  const targets =
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=option], [role=row][data-id], [tabindex="0"]'

  /** @param {Element} element */
  const say = (element) => {
    const name = element.getAttribute('aria-label') ?? element.textContent?.trim().replaceAll(/\s+/g, ' ') ?? ''
    return `${element.tagName.toLowerCase()} “${name.slice(0, 40)}”`
  }

  /** @param {Element} element */
  const isSeen = (element) => {
    const { width, height } = element.getBoundingClientRect()
    return width > 1 && height > 1 && element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
  }

  /** What a press reaches: a label presses its field. @param {Element} element */
  const boxOf = (element) => {
    const own = element.getBoundingClientRect()
    const label = element.closest('label')?.getBoundingClientRect() ?? own
    const [left, top] = [Math.min(own.left, label.left), Math.min(own.top, label.top)]
    const [right, bottom] = [Math.max(own.right, label.right), Math.max(own.bottom, label.bottom)]
    return { left, top, right, bottom, width: right - left, height: bottom - top }
  }

  /** A link in a line of other words is as high as the line. @param {Element} element */
  const isInline = (element) => {
    if (element.tagName !== 'A' || getComputedStyle(element).display !== 'inline') return false
    let line = element.parentElement
    while (line !== null && getComputedStyle(line).display === 'inline') line = line.parentElement
    const own = element.textContent?.trim().length ?? 0
    return (line?.textContent?.trim().length ?? 0) > own
  }

  /** The row around it is pressed for the same. @param {Element} element */
  const isOfRow = (element) => element.tagName === 'A' && element.closest('[role=row][data-id]') !== null

  const listTargets = () => {
    const dialog = document.querySelector('[role=dialog], [role=alertdialog]')
    return [...(dialog ?? document).querySelectorAll(targets)].filter(
      (element) => isSeen(element) && !isInline(element) && !isOfRow(element),
    )
  }

  /** WCAG 2.5.8: a circle of 24 px around the middle of a small target meets no other target and no other such circle. */
  const findCramped = () => {
    const all = listTargets().map((element) => ({ element, box: boxOf(element) }))
    const isSmall = ({ width, height }) => width < 24 || height < 24
    const middle = ({ left, top, width, height }) => [left + width / 2, top + height / 2]
    const gap = ([x, y], box) =>
      Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom))
    return all
      .filter(({ box }) => isSmall(box))
      .filter(({ element, box }) =>
        all.some((other) => {
          if (other.element === element || other.element.contains(element) || element.contains(other.element))
            return false
          if (gap(middle(box), other.box) < 12) return true
          const [ax, ay] = middle(box)
          const [bx, by] = middle(other.box)
          return isSmall(other.box) && Math.hypot(ax - bx, ay - by) < 24
        }),
      )
      .map(({ element, box }) => `${say(element)} ${Math.round(box.width)}x${Math.round(box.height)}, cramped`)
  }

  /** @param {number} floor CSS pixels */
  const findSmall = (floor) =>
    listTargets()
      .map((element) => ({ element, box: boxOf(element) }))
      .filter(({ box }) => box.width < floor - 0.5 || box.height < floor - 0.5)
      .map(({ element, box }) => `${say(element)} ${Math.round(box.width)}x${Math.round(box.height)}, below ${floor}`)

  /** Text that is cut off by its own box, but where that is said to whoever wants all of it. */
  const findClipped = () =>
    [...document.querySelectorAll('body *')]
      .filter((element) => isSeen(element) && element.closest('svg') === null)
      .filter((element) => {
        const { overflowX, overflowY, textOverflow } = getComputedStyle(element)
        const hides = (way) => way === 'hidden' || way === 'clip'
        if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim() !== ''))
          if (!element.matches('[role=gridcell], td, button, label, .badge')) return false
        const isWide = hides(overflowX) && element.scrollWidth > element.clientWidth + 1
        const isHigh = hides(overflowY) && element.scrollHeight > element.clientHeight + 2
        if (!isWide && !isHigh) return false
        // A line that ends in dots says so, and its row or title has the rest.
        return !(isWide && !isHigh && textOverflow === 'ellipsis')
      })
      .map((element) => `${say(element)} is cut off`)

  /** Short words that are broken into several lines for want of room. */
  const findBroken = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const broken = []
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const [word] = /[A-Za-z]{3,9}/.exec(node.data) ?? []
      if (word === undefined || !isSeen(node.parentElement)) continue
      // A piece of an id, a path or an address may be broken anywhere.
      if (node.parentElement.closest('code, pre, time, a[href^="http"]') !== null) continue
      const at = node.data.indexOf(word)
      if (/[^\s(“.,:]/.test(node.data[at - 1] ?? ' ') || /[^\s)”.,:]/.test(node.data[at + word.length] ?? ' ')) continue
      const range = document.createRange()
      range.setStart(node, at)
      range.setEnd(node, at + word.length)
      if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1)
        broken.push(`${say(node.parentElement)} breaks “${word}”`)
    }
    return broken
  }

  /** By how many pixels the page is too wide. */
  const overWidth = () => Math.max(0, document.documentElement.scrollWidth - window.innerWidth)

  /** What stands over the middle of what has the focus, or null. */
  const findCover = () => {
    const focused = document.activeElement
    if (focused === null || focused === document.body || !isSeen(focused)) return null
    const { left, top, width, height } = focused.getBoundingClientRect()
    // Of what is larger than the window the visible part.
    const x = (Math.max(0, left) + Math.min(window.innerWidth, left + width)) / 2
    const y = (Math.max(0, top) + Math.min(window.innerHeight, top + height)) / 2
    const there = document.elementFromPoint(x, y)
    if (there === null) return `${say(focused)} is outside of the window (${Math.round(x)}, ${Math.round(y)})`
    const isOwn = focused.contains(there) || there.contains(focused) || there.closest('label')?.contains(focused)
    return isOwn ? null : `${say(focused)} is under ${say(there)}`
  }

  /** Which element has the focus, as a number that stays the same. */
  const seen = new Map()
  const focusNumber = () => {
    const focused = document.activeElement
    if (focused === null || focused === document.body) return 0
    if (!seen.has(focused)) seen.set(focused, seen.size + 1)
    return seen.get(focused)
  }

  const whereabouts = () => ({ at: focusNumber(), cover: findCover() })

  window.measure = { findCramped, findSmall, findClipped, findBroken, overWidth, focusNumber, whereabouts }
}
