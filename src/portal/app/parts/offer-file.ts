/** Hands a file that was made here to the person, to be saved. */
export function offerFile(bytes: BlobPart, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes]))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
