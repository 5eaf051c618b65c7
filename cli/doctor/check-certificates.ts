import { CertificateWatch } from '../../src/transport/certificate-watch.ts'
import { type Endpoint, endpointFaults } from '../../src/transport/endpoint-config.ts'
import { bad, type Finding, good, warning } from './finding.ts'

/** A month's notice: certificates of three months are renewed at a third before their end. */
const soonDays = 30

/** The files that an endpoint names, and how long its certificates are still good. */
export function checkCertificates(name: string, endpoint: Endpoint): Finding[] {
  const about = `${name} files`
  const faults = endpointFaults(name, endpoint).map((fault) =>
    bad(
      about,
      fault,
      'Correct the path in the configuration, and let the user of the service read the file.',
    ),
  )
  if (faults.length > 0) return faults
  const { days } = new CertificateWatch([endpoint])
  if (days === undefined) return []
  const mend = `Renew ${[endpoint.ca, endpoint.cert].filter((path) => path !== undefined).join(' or ')}; it is read again at the next connection, without a restart.`
  if (days < 0) return [bad(about, `A certificate ended ${(-days).toFixed(0)} days ago`, mend)]
  const found = `The first certificate ends in ${days.toFixed(0)} days`
  return [days < soonDays ? warning(about, found, mend) : good(about, found)]
}
