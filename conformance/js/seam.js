// The newest `seam` client against a running server.
import assert from 'node:assert/strict'
import test from 'node:test'

import {
  Seam,
  SeamHttpMultiWorkspace,
  SeamHttpWithoutWorkspace,
  SeamWithoutWorkspace,
  isSeamHttpApiError,
  isSeamHttpInvalidInputError,
  isSeamHttpUnauthorizedError,
} from 'seam'

import { comparable, failure, withEnvironment, world } from './world.js'

const endpoint = world.url
const pat = world.personal_access_token
const { harbour, hill } = world

const open = (workspaceId) => new Seam({ personalAccessToken: pat, workspaceId, endpoint })

test('the constructor opens each workspace by its id', async () => {
  for (const workspace of [harbour, hill]) {
    const seam = open(workspace.workspace_id)
    assert.deepEqual(comparable(await seam.devices.list()), workspace.devices)
    const got = await seam.workspaces.get()
    assert.equal(got.workspace_id, workspace.workspace_id)
    assert.equal(got.name, workspace.name)
    assert.equal(got.is_sandbox, true)
  }
})

test('fromPersonalAccessToken', async () => {
  const seam = Seam.fromPersonalAccessToken(pat, hill.workspace_id, { endpoint })
  assert.deepEqual(comparable(await seam.devices.list()), hill.devices)
})

test('a personal access token by environment', async () => {
  const variables = {
    SEAM_PERSONAL_ACCESS_TOKEN: pat,
    SEAM_WORKSPACE_ID: hill.workspace_id,
    SEAM_ENDPOINT: endpoint,
  }
  await withEnvironment(variables, async () => {
    assert.deepEqual(comparable(await new Seam().devices.list()), hill.devices)
  })
})

test('a workspace key as SEAM_API_KEY', async () => {
  const variables = { SEAM_API_KEY: world.harbour_workspace_key, SEAM_ENDPOINT: endpoint }
  await withEnvironment(variables, async () => {
    assert.deepEqual(comparable(await new Seam().devices.list()), harbour.devices)
  })
})

test('the clients without a workspace list and make workspaces', async () => {
  for (const Client of [SeamWithoutWorkspace, SeamHttpWithoutWorkspace, SeamHttpMultiWorkspace]) {
    const seam = Client.fromPersonalAccessToken(pat, { endpoint })
    const ids = (await seam.workspaces.list()).map((w) => w.workspace_id)
    assert.ok(ids.includes(harbour.workspace_id) && ids.includes(hill.workspace_id))
    assert.ok(!ids.includes(world.abroad_workspace_id))
  }
  const seam = new SeamWithoutWorkspace({ personalAccessToken: pat, endpoint })
  const made = await seam.workspaces.create({ name: 'Valley', is_sandbox: true })
  assert.equal(made.name, 'Valley')
  assert.equal(made.is_sandbox, true)
  assert.ok((await seam.workspaces.list()).some((w) => w.workspace_id === made.workspace_id))
  assert.deepEqual(await open(made.workspace_id).devices.list(), [])
})

test('get a device by id and by name', async () => {
  const seam = open(harbour.workspace_id)
  const [wanted] = harbour.devices
  const byId = await seam.devices.get({ device_id: wanted.device_id })
  const byName = await seam.devices.get({ name: wanted.name })
  assert.deepEqual(comparable([byId, byName]), [wanted, wanted])
  assert.equal(byId.workspace_id, harbour.workspace_id)
  assert.equal(typeof byId.properties.online, 'boolean')
})

test('filters', async () => {
  const seam = open(harbour.workspace_id)
  const [wanted] = harbour.devices
  const one = await seam.devices.list({ device_ids: [wanted.device_id] })
  assert.deepEqual(comparable(one), [wanted])
  assert.deepEqual(await seam.devices.list({ device_ids: [] }), [], 'an empty list of ids names no device')
  assert.deepEqual(comparable(await seam.devices.list({ device_type: 'august_lock' })),
    harbour.devices.filter((d) => d.device_type === 'august_lock'))
  assert.deepEqual(await seam.devices.list({ device_type: 'ecobee_thermostat' }), [])
})

test('update a device', async () => {
  const seam = open(harbour.workspace_id)
  const [{ device_id, name }] = harbour.devices
  await seam.devices.update({ device_id, name: 'Boat house', custom_metadata: { floor: '2', guest: true } })
  const updated = await seam.devices.get({ device_id })
  assert.equal(updated.properties.name, 'Boat house')
  assert.deepEqual(updated.custom_metadata, { floor: '2', guest: true })
  const found = await seam.devices.list({ custom_metadata_has: { floor: '2' } })
  assert.deepEqual(found.map((d) => d.device_id), [device_id])
  await seam.devices.update({ device_id, name, custom_metadata: { floor: null } })
  assert.deepEqual((await seam.devices.get({ device_id })).custom_metadata, { guest: true })
})

test('the paginator walks 120 devices', async () => {
  const seam = open(world.many_workspace_id)
  const pages = seam.createPaginator(seam.devices.list({ limit: 50 }))
  const [first, { hasNextPage, nextPageCursor }] = await pages.firstPage()
  assert.equal(first.length, 50)
  assert.equal(hasNextPage, true)
  const [second] = await pages.nextPage(nextPageCursor)
  assert.equal(second.length, 50)
  const all = await pages.flattenToArray()
  assert.equal(new Set(all.map((d) => d.device_id)).size, 120)
  assert.equal(all.length, 120)
  assert.deepEqual(all.slice(0, 100), [...first, ...second])
  const sizes = []
  for await (const page of pages) sizes.push(page.length)
  assert.deepEqual(sizes, [50, 50, 20])
})

test('the other reads', async () => {
  const seam = open(harbour.workspace_id)
  const [account] = await seam.connectedAccounts.list()
  assert.equal((await seam.connectedAccounts.get({ connected_account_id: account.connected_account_id })).connected_account_id,
    account.connected_account_id)
  const providers = await seam.devices.listDeviceProviders()
  assert.ok(providers.some((p) => p.device_provider_name === 'august'))
  const events = await seam.events.list({ since: '2020-01-01T00:00:00.000Z' })
  assert.ok(events.length > 0)
  assert.equal((await seam.events.get({ event_id: events[0].event_id })).event_type, events[0].event_type)
})

test('unauthorized', async () => {
  for (const seam of [
    Seam.fromPersonalAccessToken(pat.slice(0, -1) + (pat.endsWith('1') ? '2' : '1'), harbour.workspace_id, { endpoint }),
    Seam.fromPersonalAccessToken(pat, world.abroad_workspace_id, { endpoint }),
    Seam.fromPersonalAccessToken(pat, '00000000-0000-4000-8000-000000000000', { endpoint }),
  ]) {
    const error = await failure(seam.devices.list())
    assert.ok(isSeamHttpUnauthorizedError(error), String(error))
    assert.equal(error.statusCode, 401)
    assert.equal(error.code, 'unauthorized')
    assert.match(error.requestId, /^request/)
  }
})

test('invalid input', async () => {
  const seam = open(harbour.workspace_id)
  const error = await failure(seam.devices.update({ device_id: harbour.devices[0].device_id, name: 5, is_managed: 'yes' }))
  assert.ok(isSeamHttpInvalidInputError(error), String(error))
  assert.equal(error.statusCode, 400)
  assert.deepEqual(error.getValidationErrorMessages('name'), ['Expected string, received number'])
  assert.deepEqual(error.getValidationErrorMessages('is_managed'), ['Expected boolean, received string'])
  assert.deepEqual(error.getValidationErrorMessages('device_id'), [])
  assert.equal(error.validationErrors.length, 2)
  assert.match(error.requestId, /^request/)
})

test('device not found', async () => {
  const seam = open(harbour.workspace_id)
  for (const device_id of ['00000000-0000-4000-8000-000000000000', 'no-such-device', hill.devices[0].device_id]) {
    const error = await failure(seam.devices.get({ device_id }))
    assert.ok(isSeamHttpApiError(error) && !isSeamHttpInvalidInputError(error), String(error))
    assert.equal(error.statusCode, 404)
    assert.equal(error.code, 'device_not_found')
    assert.ok(!error.message.includes(device_id), 'the message echoes the id')
    assert.match(error.requestId, /^request/)
  }
})

test('reset the sandbox and wait for its action attempt', async () => {
  const seam = open(hill.workspace_id)
  const attempt = await seam.workspaces.resetSandbox()
  assert.equal(attempt.status, 'success')
  assert.equal(attempt.action_type, 'RESET_SANDBOX_WORKSPACE')
  assert.equal((await seam.workspaces.get()).workspace_id, hill.workspace_id)
})
