import { CordonError } from '../../model/errors.ts'

const maxValueLength = 300

/** A whole number from 1. @throws CordonError BadRequest naming the parameter */
export function readNumber(name: string, value: string, most: number): number {
  const number = Number(value)
  if (!/^[1-9]\d{0,15}$/.test(value) || number > most) throw badParameter(name, `takes 1 to ${most}`)
  return number
}

/** A text to compare with. @throws CordonError BadRequest naming the parameter */
export function readText(name: string, value: string): string {
  if (value === '' || value.length > maxValueLength || /\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw badParameter(name, `takes a text of 1 to ${maxValueLength} characters`)
  }
  return value
}

/** An instant with up to seven fraction digits, as one with seven. @throws CordonError BadRequest naming the parameter */
export function readInstant(name: string, value: string): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z$/.exec(value)
  if (match === null || Number.isNaN(Date.parse(value))) throw badParameter(name, 'takes a UTC instant')
  return `${match[1]}.${(match[2] ?? '').padEnd(7, '0')}Z`
}

/** One of some values. @throws CordonError BadRequest naming the parameter */
export function readChoice(name: string, value: string, choices: readonly string[]): string {
  if (!choices.includes(value)) throw badParameter(name, `takes one of ${choices.join(', ')}`)
  return value
}

/** The refusal of a parameter. @param problem what is wrong with it, a predicate */
export function badParameter(name: string, problem: string): CordonError {
  const shown = name.slice(0, 40)
  return new CordonError('BadRequest', `The query parameter '${shown}' ${problem}.`, { target: shown })
}
