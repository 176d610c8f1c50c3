import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

// A receiver outside, in a process of its own so that it can stand in another network namespace. What it does with a request follows from
// the port it came to. Arguments: certificate file, key file, then `port:behaviour` for each port.

const [certFile = '', keyFile = '', ...ports] = process.argv.slice(2)
const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) }

for (const entry of ports) {
  const [port = '', behaviour = ''] = entry.split(':')
  const server = createServer(tls, (request, response) => {
    const token = new URL(request.url ?? '/', 'https://receiver').searchParams.get('validationToken') ?? ''
    request.resume()
    switch (behaviour) {
      case 'good':
        response.writeHead(200, { 'Content-Type': 'text/plain' }).end(token)
        break
      case 'wrongEcho':
        response.writeHead(200, { 'Content-Type': 'text/plain' }).end('Validation: of something else')
        break
      case 'redirect':
        response.writeHead(307, { Location: `https://169.254.169.254/latest?validationToken=${token}` }).end()
        break
      // hang: nothing at all
    }
  })
  server.listen(Number(port), () => console.log(`listening on ${port}`))
}
