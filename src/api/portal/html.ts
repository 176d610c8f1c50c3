import type { Answer } from '../route.ts'

/**
 * Headers of every portal answer. Scripts and styles come from our own files only; Trusted Types with no policy allowed turn every
 * assignment of text to innerHTML and its kind into an error, so that attacker text cannot become markup even through a slip of ours.
 * @source CSP level 3; Trusted Types; OWASP ASVS 5.0 3.4.3 to 3.4.8
 */
export const portalHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policyWith("style-src 'self'", "'none'"),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * Headers of the portal's page shell: the same, one style element that carries the nonce, and one policy of Trusted Types. That one names
 * the worker that lays out pictures, whatever it is given (src/portal/app/screens/story/layout.ts), and can be made once; there is none for
 * markup or for text that becomes a script.
 */
export function shellHeaders(nonce: string): Record<string, string> {
  const policy = policyWith(`style-src 'self' 'nonce-${nonce}'`, 'layout-worker')
  return { ...portalHeaders, 'Content-Security-Policy': policy }
}

function policyWith(styles: string, trustedTypes: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    styles,
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${trustedTypes}`,
  ].join('; ')
}

const htmlType = 'text/html; charset=utf-8'

/** A page made for this one request; no cache may keep it. */
export function answerPage(status: number, title: string, main: string): Answer {
  const body = `<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - Cordon</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/portal.css">
</head>
<body>
<main class="narrow">
<h1>${escapeHtml(title)}</h1>
${main}
</main>
</body>
</html>
`
  return { status, contentType: htmlType, headers: { ...portalHeaders, 'Cache-Control': 'no-store' }, body }
}

/** Makes text harmless between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
