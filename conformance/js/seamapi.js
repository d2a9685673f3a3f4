// The legacy `seamapi` client, which takes a personal access token as apiKey.
import assert from 'node:assert/strict'
import test from 'node:test'

import { Seam } from 'seamapi'

import { comparable, failure, withEnvironment, world } from './world.js'

const pat = world.personal_access_token
const { harbour, hill } = world

const open = (workspaceId) => new Seam({ apiKey: pat, workspaceId, endpoint: world.url })

test('the published form opens each workspace by its id', async () => {
  for (const workspace of [harbour, hill]) {
    const seam = open(workspace.workspace_id)
    assert.deepEqual(comparable(await seam.devices.list()), workspace.devices)
    const got = await seam.workspaces.get()
    assert.equal(got.workspace_id, workspace.workspace_id)
    assert.equal(got.name, workspace.name)
  }
})

test('a personal access token as SEAM_API_KEY', async () => {
  const variables = { SEAM_API_KEY: pat, SEAM_WORKSPACE_ID: hill.workspace_id, SEAM_API_URL: world.url }
  await withEnvironment(variables, async () => {
    assert.deepEqual(comparable(await new Seam().devices.list()), hill.devices)
  })
})

test('reads and updates', async () => {
  const seam = open(harbour.workspace_id)
  const [wanted] = harbour.devices
  assert.deepEqual(comparable([await seam.devices.get({ device_id: wanted.device_id })]), [wanted])
  assert.deepEqual(comparable([await seam.devices.get({ name: wanted.name })]), [wanted])
  await seam.devices.update({ device_id: wanted.device_id, name: 'Boat house' })
  assert.equal((await seam.devices.get({ device_id: wanted.device_id })).properties.name, 'Boat house')
  const [account] = await seam.connectedAccounts.list()
  assert.equal((await seam.connectedAccounts.get({ connected_account_id: account.connected_account_id })).connected_account_id, account.connected_account_id)
  assert.ok((await seam.events.list({ since: '2020-01-01T00:00:00.000Z' })).length > 0)
})

test('errors', async () => {
  const notFound = await failure(open(harbour.workspace_id).devices.get({ device_id: hill.devices[0].device_id }))
  assert.equal(notFound.status, 404)
  assert.equal(notFound.metadata.type, 'device_not_found')
  assert.match(notFound.requestId, /^request/)
  const unauthorized = await failure(open(world.abroad_workspace_id).devices.list())
  assert.equal(unauthorized.status, 401)
  assert.equal(unauthorized.metadata.type, 'unauthorized')
})
