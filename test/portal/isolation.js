// Runs inside the page: whether a name that turns the direction moves anything but itself.
{
  const turner = '\u202e'
  /** As wide and as breakable as the turner, without its power. */
  const harmless = '\u2060'

  const textsIn = (block) => {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT)
    const texts = []
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) texts.push(node)
    return texts
  }

  /** What a line belongs to. @param {Text} node */
  const blockOf = (node) => {
    let block = node.parentElement
    while (['inline', 'contents'].includes(getComputedStyle(block).display)) block = block.parentElement
    return block
  }

  /** Where each letter outside of the names stands. @param {Text} node @param {readonly string[]} names */
  const placesOf = (node, names) => {
    const range = document.createRange()
    const name = names.find((one) => node.data.includes(one)) ?? ''
    const own = name === '' ? -1 : node.data.indexOf(name)
    return [...node.data].flatMap((letter, at) => {
      if ((own >= 0 && at >= own && at < own + name.length) || letter.trim() === '') return []
      range.setStart(node, at)
      range.setEnd(node, at + 1)
      const { left, top } = range.getBoundingClientRect()
      return [[left, top]]
    })
  }

  /**
   * Texts beside the name that would stand elsewhere if it had no power over them, and how often the name is there.
   * @param {readonly string[]} names the name in each of its forms, with the turner in it
   */
  const findMoved = (names) => {
    const holders = textsIn(document.body).filter(
      (node) => node.data.includes(turner) && node.parentElement.checkVisibility(),
    )
    const moved = holders.flatMap((holder) => {
      const block = blockOf(holder)
      const texts = textsIn(block)
      const shown = holder.data
      const calm = names.map((name) => name.replaceAll(turner, harmless))
      const before = texts.map((node) => placesOf(node, names))
      for (const node of texts) node.data = node.data.replaceAll(turner, harmless)
      const after = texts.map((node) => placesOf(node, calm))
      for (const node of texts) node.data = node.data.replaceAll(harmless, turner)
      // Letters that lie closer in one order than in the other move their neighbours by less.
      const isMoved = before.flat(2).some((place, at) => Math.abs(place - (after.flat(2)[at] ?? 0)) > 2)
      return isMoved
        ? [
            `“${block.textContent.replaceAll(turner, '!').slice(0, 80)}” at “${shown.replaceAll(turner, '!').slice(0, 40)}”`,
          ]
        : []
    })
    return { seen: holders.length, moved: [...new Set(moved)] }
  }

  window.isolation = { findMoved }
}
