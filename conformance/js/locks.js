// What an app does with locks, from connecting an account to its webhooks, under each kind of
// credential that a server holds.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import test, { after, before } from 'node:test'

import {
  Seam,
  isSeamActionAttemptFailedError,
  isSeamActionAttemptTimeoutError,
  isSeamHttpApiError,
  isSeamHttpInvalidInputError,
  isSeamHttpUnauthorizedError,
} from 'seam'
import { SeamWebhook } from '@seamapi/webhook'

import { failure, world } from './world.js'

const endpoint = world.url
const workspaceId = world.harbour.workspace_id
const day = 24 * 3600 * 1000

const credentials = {
  'personal access token': ['sam', () => Seam.fromPersonalAccessToken(world.personal_access_token, workspaceId, { endpoint })],
  'API key': ['john', () => Seam.fromApiKey(world.harbour_api_key, { endpoint })],
  'workspace key': ['frodo', () => Seam.fromApiKey(world.harbour_workspace_key, { endpoint })],
}

/** Asks for one of Keyway's own endpoints, which clients have no methods for. */
const keyway = async (path, body) => {
  const response = await fetch(`${endpoint}/keyway/v1/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${world.personal_access_token}`,
      'seam-workspace': workspaceId,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  assert.equal(response.status, 200, path)
  return await response.json()
}

const pass = async (milliseconds) =>
  new Date((await keyway('sandbox/advance_time', { seconds: milliseconds / 1000 })).clock.now)

/** Signs in on the page that a customer would see. */
const signIn = async (url, login) => {
  let page = await (await fetch(url)).text()
  for (const step of [{ step: 'brands' }, { step: 'credentials', 'field.email': `${login}@example.com`, 'field.password': '1234' }]) {
    const [, state] = page.match(/name="state" value="([^"]*)"/)
    page = await (await fetch(`${endpoint}/connect_webviews/view`, { method: 'POST', body: new URLSearchParams({ state, ...step }) })).text()
  }
}

/** Waits until f gives something, or says that it never did. */
const until = async (what, f) => {
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const result = await f()
    if (result) return result
  }
  return assert.fail(`never: ${what}`)
}

const received = []
let receiver, receiverUrl
before(async () => {
  receiver = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    received.push({ body, headers: request.headers })
    response.end()
  })
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  receiverUrl = `http://127.0.0.1:${receiver.address().port}/`
})
after(() => receiver.close())

for (const [name, [login, open]] of Object.entries(credentials)) {
  test(`from connecting to webhooks with a ${name}`, async () => {
    const seam = open()
    const hook = await seam.webhooks.create({ url: receiverUrl })

    const webview = await seam.connectWebviews.create({ accepted_providers: ['schlage'], custom_metadata: { login } })
    await signIn(webview.url, login)
    const connected = await seam.connectWebviews.get({ connect_webview_id: webview.connect_webview_id })
    assert.equal(connected.login_successful, true)
    const account = await seam.connectedAccounts.get({ connected_account_id: connected.connected_account_id })
    assert.deepEqual(account.custom_metadata, { login })
    const [{ device_id }, ...others] = await seam.locks.list({ connected_account_ids: [account.connected_account_id] })
    assert.ok(others.length > 0)

    const wait = { waitForActionAttempt: { timeout: 10_000, pollingInterval: 20 } }
    for (const [action, locked] of [['unlockDoor', false], ['lockDoor', true]]) {
      const attempt = await seam.locks[action]({ device_id }, wait)
      assert.equal(attempt.status, 'success')
      assert.equal((await seam.devices.get({ device_id })).properties.locked, locked)
    }
    await keyway('sandbox/fail_requests', { device_id, faults: ['jammed'] })
    const jammed = await failure(seam.locks.lockDoor({ device_id }, wait))
    assert.ok(isSeamActionAttemptFailedError(jammed), String(jammed))
    assert.equal(jammed.code, 'lock_jammed')
    assert.equal(jammed.actionAttempt.status, 'error')
    const late = await failure(seam.locks.lockDoor({ device_id }, { waitForActionAttempt: { timeout: 0 } }))
    assert.ok(isSeamActionAttemptTimeoutError(late), String(late))

    const [{ code: first }, { code: second }] = [await seam.accessCodes.generateCode({ device_id }), await seam.accessCodes.generateCode({ device_id })]
    const made = await seam.accessCodes.create({ device_id, name: login, code: first })
    const { access_code_id } = made
    const status = async (wanted) =>
      await until(`${access_code_id} is ${wanted}`, async () => {
        const code = await seam.accessCodes.get({ access_code_id })
        return code.status === wanted && code.pending_mutations.length === 0 ? code : undefined
      })
    await status('set')
    await seam.accessCodes.update({ access_code_id, code: second })
    assert.equal((await status('set')).code, second)
    assert.deepEqual((await seam.accessCodes.list({ device_id })).map((c) => c.access_code_id), [access_code_id])
    await seam.accessCodes.delete({ access_code_id })
    await until('it is removed', async () => (await seam.accessCodes.list({ device_id })).length === 0)

    const friday = new Date((await pass(0)).getTime() + 5 * day)
    const weekend = await seam.accessCodes.create({
      device_id,
      name: 'Weekend',
      starts_at: friday.toISOString(),
      ends_at: new Date(friday.getTime() + 2 * day).toISOString(),
    })
    assert.equal(weekend.status, 'unset')
    const get = async () => await seam.accessCodes.get({ access_code_id: weekend.access_code_id })
    await pass(3 * day)
    assert.equal((await get()).is_scheduled_on_device, true)
    await pass(2 * day)
    assert.equal((await get()).status, 'set')

    const session = await seam.clientSessions.create({
      user_identifier_key: login,
      connected_account_ids: [account.connected_account_id],
    })
    const frontend = Seam.fromClientSessionToken(session.token, { endpoint })
    assert.deepEqual(
      new Set((await frontend.devices.list()).map((d) => d.device_id)),
      new Set([device_id, ...others.map((d) => d.device_id)]),
    )
    assert.equal((await frontend.accessCodes.get({ access_code_id: weekend.access_code_id })).code, weekend.code)
    assert.equal((await frontend.locks.unlockDoor({ device_id }, wait)).status, 'success')
    const beyond = await failure(frontend.devices.get({ device_id: world.harbour.devices[0].device_id }))
    assert.ok(isSeamHttpApiError(beyond) && beyond.code === 'device_not_found', String(beyond))
    await seam.clientSessions.delete({ client_session_id: session.client_session_id })
    assert.ok(isSeamHttpUnauthorizedError(await failure(frontend.devices.list())))

    await pass(2 * day)
    const gone = await failure(get())
    assert.ok(isSeamHttpApiError(gone) && !isSeamHttpInvalidInputError(gone), String(gone))
    assert.equal(gone.statusCode, 404)
    assert.equal(gone.code, 'access_code_not_found')

    const told = (id) =>
      received
        .filter(({ body }) => body.includes(id))
        .map(({ body, headers }) => {
          try {
            return new SeamWebhook(hook.secret).verify(body, headers)
          } catch {
            return undefined // sent to the webhook of another credential
          }
        })
        .filter((event) => event?.access_code_id === id)
        .map((event) => event.event_type.replace('access_code.', ''))
    await until('the last webhook', () => told(weekend.access_code_id).includes('deleted'))
    const life = ['created', 'scheduled_on_device', 'set_on_device', 'removed_from_device', 'deleted']
    assert.deepEqual(told(weekend.access_code_id).filter((kind) => life.includes(kind)), life)
    assert.ok(told(access_code_id).includes('code_changed'))
    await seam.webhooks.delete({ webhook_id: hook.webhook_id })
  })

  test(`errors with a ${name}`, async () => {
    const seam = open()
    const { device_id } = world.harbour.devices[0]
    const nobody = '00000000-0000-4000-8000-000000000000'
    for (const [request, code] of [
      [seam.locks.unlockDoor({ device_id: nobody }), 'device_not_found'],
      [seam.accessCodes.get({ access_code_id: nobody }), 'access_code_not_found'],
      [seam.actionAttempts.get({ action_attempt_id: nobody }), 'action_attempt_not_found'],
      [seam.webhooks.get({ webhook_id: nobody }), 'webhook_not_found'],
      [seam.clientSessions.get({ client_session_id: nobody }), 'client_session_not_found'],
    ]) {
      const error = await failure(request)
      assert.ok(isSeamHttpApiError(error) && !isSeamHttpUnauthorizedError(error), String(error))
      assert.deepEqual([error.statusCode, error.code], [404, code])
    }
    const invalid = await failure(seam.accessCodes.create({ device_id, code: '12', name: 5 }))
    assert.ok(isSeamHttpInvalidInputError(invalid), String(invalid))
    assert.deepEqual(invalid.getValidationErrorMessages('name'), ['Expected string, received number'])
    assert.equal(invalid.getValidationErrorMessages('code').length, 1)
  })
}

test('unauthorized', async () => {
  const key = world.harbour_api_key
  const seam = Seam.fromApiKey(key.slice(0, -1) + (key.endsWith('1') ? '2' : '1'), { endpoint })
  const error = await failure(seam.accessCodes.list({ device_id: world.harbour.devices[0].device_id }))
  assert.ok(isSeamHttpUnauthorizedError(error), String(error))
})
