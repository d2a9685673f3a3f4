// What the harness has made: see world in conformance/harness_test.go.
import assert from 'node:assert/strict'

export const world = JSON.parse(process.env.KEYWAY_WORLD)

/** The parts of devices that are compared with what plain HTTP gave. */
export const comparable = (devices) =>
  devices.map((d) => ({ device_id: d.device_id, device_type: d.device_type, name: d.properties.name }))

/** Runs f with the variables set and takes them away again. */
export const withEnvironment = async (variables, f) => {
  Object.assign(process.env, variables)
  try {
    return await f()
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name]
  }
}

/** Awaits a request that must fail and returns its error. */
export const failure = async (request) => {
  try {
    await request
  } catch (error) {
    return error
  }
  return assert.fail('the request was answered, and should have been refused')
}
