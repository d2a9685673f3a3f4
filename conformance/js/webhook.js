// What a webhook was sent, held against the verifier that apps in JavaScript use.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { SeamWebhook } from '@seamapi/webhook'

import { world } from './world.js'

const { secrets, messages } = world.received

test('every message verifies with each secret that was in force', () => {
  for (const { headers, body, newest_secret: newest } of messages) {
    for (const secret of secrets.slice(0, newest + 1)) {
      const event = new SeamWebhook(secret).verify(body, headers)
      assert.equal(event.event_id, headers['svix-id'])
      assert.equal(event.workspace_id, world.harbour.workspace_id)
    }
  }
  assert.ok(messages.some(({ newest_secret: newest }) => newest === 1), 'nothing was sent after the rotation')
})

test('a changed message, a foreign secret and no headers are refused', () => {
  const [{ headers, body }] = messages
  const webhook = new SeamWebhook(secrets[0])
  assert.throws(() => webhook.verify(body.replace('device', 'devil'), headers), /No matching signature/)
  assert.throws(() => new SeamWebhook(secrets[1]).verify(body, headers), /No matching signature/)
  assert.throws(() => webhook.verify(body, { ...headers, 'svix-timestamp': '1700000000' }), /too old/)
  assert.throws(() => webhook.verify(body, {}), /Missing required headers/)
})
