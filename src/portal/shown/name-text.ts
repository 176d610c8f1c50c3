/** Characters that turn the direction of what follows, or end such a turn. */
const turning = /[\u202a-\u202e\u2066-\u2069]/

/**
 * A name from data that cannot leave its `<bdi>`: a browser ends that by a character of its own, so one of the same kind in the name would end
 * it early, and one that begins another would take its end. What ends nothing is shown as what it is, a character that does not belong there.
 * @source Unicode Standard Annex 9, BD9 and X6a: an isolate ends at its matching PDI, wherever that came from
 */
export function closeTurns(text: string): string {
  if (!turning.test(text)) return text
  let open = 0
  const closed = text.replaceAll(/[\u2066-\u2069]/g, (sign) => {
    if (sign !== '\u2069') {
      open += 1
      return sign
    }
    if (open === 0) return '\ufffd'
    open -= 1
    return sign
  })
  return closed + '\u2069'.repeat(open)
}

/** The same where no element can stand: the title of a window. */
export function keepApart(text: string): string {
  return turning.test(text) ? `\u2068${closeTurns(text)}\u2069` : text
}
