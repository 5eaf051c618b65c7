/** @throws {TypeError} where the URL is not one of a broker, or not of an encrypted connection that has certificates. */
export function checkBrokerUrl(url: string, hasCertificates: boolean): void {
  const protocols = hasCertificates ? ['mqtts:', 'wss:'] : ['mqtt:', 'mqtts:', 'ws:', 'wss:']
  const protocol = URL.canParse(url) ? new URL(url).protocol : ''
  if (!protocols.includes(protocol)) {
    throw new TypeError(
      `Cannot start session: url must start with ${protocols.map((name) => `${name}//`).join(', ')}, current value is ${JSON.stringify(url)}`,
    )
  }
}
