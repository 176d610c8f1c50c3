// Runs inside the page: every word a letter longer in three, with accents, as a translation would have it.
{
  const plain = 'aceginosuyzACEGINOSUYZ'
  const accented = 'áçéĝíñóšúýžÁÇÉĜÍÑÓŠÚÝŽ'
  /** What is the same in every language: what one types, what is pressed, and pictures with their own measures. */
  const fixed = 'script, style, svg, code, kbd, pre, textarea'
  const attributes = ['placeholder', 'aria-label', 'title', 'data-before']

  /** @param {string} text */
  const lengthen = (text) =>
    text.replaceAll(/\p{L}+/gu, (word) => {
      const whole = [...word].map((letter) => accented[plain.indexOf(letter)] ?? letter).join('')
      // Most languages have the longer words, not only more of them: a short one doubles.
      return whole + 'ñéššüñĝéñéšçhé'.slice(0, Math.ceil(word.length * 0.4))
    })

  /** What was written where, so that nothing grows twice and what the page writes anew grows again. */
  const written = new WeakMap()

  /** @param {object} place @param {string} key @param {string | null} now @param {(text: string) => void} write */
  const change = (place, key, now, write) => {
    const own = written.get(place) ?? {}
    if (now === null || now.trim() === '' || own[key] === now) return
    own[key] = lengthen(now)
    written.set(place, own)
    write(own[key])
  }

  const lengthenPage = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
      if (node.parentElement.closest(fixed) === null) change(node, 'text', node.data, (text) => (node.data = text))
    for (const element of document.body.querySelectorAll(attributes.map((name) => `[${name}]`).join()))
      for (const name of attributes)
        change(element, name, element.getAttribute(name), (text) => element.setAttribute(name, text))
  }

  const nextFrame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))

  /** Lengthens the page, turns it to that direction, and waits until the page has found itself. @param {'ltr' | 'rtl'} direction */
  const speak = async (direction) => {
    document.documentElement.dir = direction
    lengthenPage()
    await nextFrame()
    // What the page measured anew and wrote for that.
    lengthenPage()
    await nextFrame()
  }

  window.pseudo = { speak, lengthen }
}
