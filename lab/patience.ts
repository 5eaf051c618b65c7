/** How long what runs beside others in processes of their own is waited for: a machine that is slow or busy is no fault. */
export const patienceMs = 60_000
