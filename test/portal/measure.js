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

  /** @param {Element} inner @param {Element} outer */
  const reachesOut = (inner, outer) => {
    const [one, other] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()]
    return one.left < other.left - 1 || one.right > other.right + 1
  }

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
        // A line that ends in dots says so, and its row or title has the rest. A box in it is cut without any.
        if (!isWide || isHigh || textOverflow !== 'ellipsis') return true
        return [...element.querySelectorAll('.badge, button')].some((inner) => reachesOut(inner, element))
      })
      .concat([...document.querySelectorAll('svg text')].filter((text) => reachesOut(text, text.closest('svg'))))
      .map((element) => `${say(element)} is cut off`)

  /** What of an element its scrolling boxes let through, and the bar it lies on, if any. @param {Element} element */
  const visibleBox = (element) => {
    let { left, top, right, bottom } = boxOf(element)
    let layer = null
    for (let around = element; around !== null && layer === null; around = around.parentElement) {
      const { overflowX, overflowY, position } = getComputedStyle(around)
      if (around !== element && (overflowX !== 'visible' || overflowY !== 'visible')) {
        const box = around.getBoundingClientRect()
        left = Math.max(left, box.left)
        top = Math.max(top, box.top)
        right = Math.min(right, box.right)
        bottom = Math.min(bottom, box.bottom)
      }
      if (position === 'fixed' || position === 'sticky') layer = around
    }
    return { left, top, right, bottom, layer }
  }

  /** Targets that lie over one another, but for one within the other and for bars that everything scrolls below. */
  const findOverlaps = () => {
    const all = listTargets()
      .map((element) => ({ element, ...visibleBox(element) }))
      .filter(({ left, top, right, bottom }) => right - left > 1 && bottom - top > 1)
    return all.flatMap((one, index) =>
      all
        .slice(index + 1)
        .filter(
          (other) =>
            one.layer === other.layer &&
            !one.element.contains(other.element) &&
            !other.element.contains(one.element) &&
            (one.element.closest('label') === null ||
              one.element.closest('label') !== other.element.closest('label')) &&
            Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1 &&
            Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1,
        )
        .map((other) => `${say(one.element)} lies over ${say(other.element)}`),
    )
  }

  const boxes =
    '.box, [role=dialog], [role=alertdialog], [role=row], [role=gridcell], td, th, li, fieldset, nav, header, main'

  /** Targets that stand out of the box they belong to, and do not scroll in it. */
  const findPushedOut = () =>
    listTargets().flatMap((element) => {
      const { left, right } = element.getBoundingClientRect()
      const seen = visibleBox(element)
      // What stands in a box of one pixel is for screen readers.
      if (seen.right - seen.left <= 1 || seen.bottom - seen.top <= 1) return []
      for (let around = element.parentElement; around !== null; around = around.parentElement) {
        const { overflowX, position } = getComputedStyle(around)
        const box = around.getBoundingClientRect()
        // What it does not show, one scrolls to.
        if (overflowX === 'auto' || overflowX === 'scroll') break
        if (around.matches(boxes) && (left < box.left - 1 || right > box.right + 1))
          return [
            `${say(element)} stands out of ${around.tagName.toLowerCase()} by ${Math.ceil(Math.max(box.left - left, right - box.right))} px`,
          ]
        if (position === 'fixed') break
      }
      return []
    })

  /** Gives the focus to everything that the Tab key reaches, one after the other, and says what was covered then. */
  const findCovered = () =>
    listTargets()
      .filter((element) => element.tabIndex >= 0)
      .flatMap((element) => {
        element.focus()
        return document.activeElement === element ? [findCover() ?? []].flat() : []
      })

  /** Short words that are broken into several lines for want of room. */
  const findBroken = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const broken = []
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const [word] = /\p{L}{3,9}/u.exec(node.data) ?? []
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

  window.measure = {
    findCramped,
    findSmall,
    findClipped,
    findBroken,
    findOverlaps,
    findPushedOut,
    findCovered,
    overWidth,
    focusNumber,
    whereabouts,
  }
}
