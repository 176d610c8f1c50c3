// Loaded into the server process beside its own code: tells the test what the process holds once its garbage is gone.

process.on('message', () => {
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  process.send?.({ outsideHeap: rss - heapTotal, heapUsed })
})

// Nobody is left to stop the server.
process.on('disconnect', () => process.exit(0))
