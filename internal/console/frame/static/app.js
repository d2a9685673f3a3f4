// What the Console does beyond plain HTML. Pages are complete without it but for dialogs, tabs and
// copying; everything hangs on data attributes, there is no other wiring.
(() => {
  'use strict'

  let offline // the bar that says that the server does not answer
  const all = (selector, root = document) => [...root.querySelectorAll(selector)]
  const on = (type, selector, handle) =>
    document.addEventListener(type, (event) => {
      const target = event.target instanceof Element && event.target.closest(selector)
      if (target) handle(target, event)
    })

  // A page that answered a POST takes the address of its list, so that a reload asks for the list
  // and neither posts again nor shows a secret again.
  const location_ = document.body.dataset.location
  if (location_) history.replaceState(null, '', location_)

  // The secret of a one-time link stands in the fragment, which never reaches a server or its log.
  const fragment = document.querySelector('[data-fragment]')
  function takeFragment() {
    const secret = location.hash.replace(/^#(token=)?/, '')
    if (secret) {
      fragment.value = decodeURIComponent(secret)
      history.replaceState(null, '', location.pathname + location.search)
    }
    const missing = document.querySelector('[data-fragment-missing]')
    if (missing) missing.hidden = fragment.value !== ''
    if (fragment.value && 'fragmentForm' in fragment.form.dataset) fragment.form.requestSubmit()
    return secret
  }
  // Browsers leave autofocus out where the address has a fragment.
  if (fragment && takeFragment()) addEventListener('load', () => document.querySelector('main [autofocus]')?.focus())
  // A link pasted into a tab that shows an incomplete one changes only the fragment, and loads nothing.
  addEventListener('hashchange', () => {
    if (fragment) takeFragment()
    else if (/\/(setup|invitation)$/.test(location.pathname) && location.hash.length > 1) location.reload()
  })

  // The result of what was just asked is shown once, not again with the address.
  const shown = new URLSearchParams(location.search)
  if (shown.has('attempt') && !document.querySelector('#attempt .spinner')) {
    shown.delete('attempt')
    history.replaceState(null, '', location.pathname + (shown.size ? `?${shown}` : '') + location.hash)
  }

  // Times
  const units = [['minute', 60], ['hour', 3600], ['day', 86400], ['month', 2629800], ['year', 31557600]]
  const count = (n, unit) => `${n} ${unit}${n === 1 ? '' : 's'}`
  function relative(then, now) {
    const past = now >= then
    const s = Math.abs(now - then) / 1000
    if (s < 45) return past ? 'just now' : 'in a moment'
    const limits = [5400, 129600, 5184000, 63072000, Infinity]
    const [unit, size] = units[limits.findIndex((limit) => s < limit)]
    const text = count(Math.max(1, Math.round(s / size)), unit)
    return past ? `${text} ago` : `in ${text}`
  }
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })
  const clock = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
  function refreshTimes() {
    for (const time of all('time[data-ago]')) {
      const then = new Date(time.dateTime)
      const text = relative(then, new Date(Date.now() + Number(time.dataset.ahead || 0)))
      if (time.textContent !== text) time.textContent = text
      time.title = exact.format(then)
    }
    for (const time of all('time[data-clock]')) time.textContent = clock.format(Date.now() + Number(time.dataset.clock))
  }
  refreshTimes()
  setInterval(refreshTimes, 30000)

  // Messages: the page's own good news moves to the corner and goes away; errors stay in the page.
  const toasts = document.getElementById('toasts')
  function toast(flash) {
    toasts.append(flash)
    setTimeout(() => flash.remove(), 6000)
  }
  for (const flash of all('[data-flash].flash-success')) toast(flash)

  // Dialogs
  on('click', '[data-dialog]', (button) => {
    const popover = button.closest('[popover]')
    if (popover) popover.hidePopover()
    document.getElementById(button.dataset.dialog).showModal()
  })
  on('click', '[data-close]', (button) => button.closest('dialog').close())
  // What is being sent cannot be taken back, so its dialog stays until the answer comes.
  const sending = (dialog) => Boolean(dialog.querySelector('form[data-busy]'))
  // Browsers let a second Escape through whatever the first one's handler says, so the key itself is taken.
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && all('dialog[open]').some(sending)) event.preventDefault()
  }, true)
  // A press that begins on the backdrop closes; a selection that ends there does not.
  on('pointerdown', 'dialog', (dialog, event) => {
    if (event.target !== dialog || sending(dialog)) return
    const box = dialog.getBoundingClientRect()
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom
    if (!inside) dialog.close()
  })
  for (const dialog of all('dialog[data-open]')) {
    dialog.showModal()
    const bad = dialog.querySelector('[aria-invalid="true"]')
    if (bad) bad.focus()
  }
  // Forms: the pressed button shows that it works and cannot be pressed twice.
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (form.method !== 'post' || event.defaultPrevented || form.target) return
    if (form.dataset.busy) {
      event.preventDefault()
      return
    }
    if (offline) { // the browser would show its own page of an error, and what was typed would be gone
      event.preventDefault()
      offline.hidePopover() // and up again, above the dialog
      offline.showPopover()
      offline.querySelector('p').textContent =
        'The server can’t be reached, so nothing was sent. Your text is still here: try again when the connection is back.'
      return
    }
    form.dataset.busy = 'yes'
    for (const close of all('[data-close]', form)) close.disabled = true
    const dialog = form.closest('dialog')
    if (dialog) dialog.closedBy = 'none' // also for the gesture that goes back
    if (!('passkey' in form.dataset)) keepDraft(form, 'sent')
    const button = event.submitter || form.querySelector('[type="submit"]')
    if (button) button.setAttribute('aria-busy', 'true')
    if ('passkey' in form.dataset) {
      event.preventDefault()
      passkey(form)
    }
    if ('workspaceKey' in form.dataset) {
      event.preventDefault()
      createWorkspaceKey(form).finally(() => idle(form))
    }
  })
  function idle(form) {
    delete form.dataset.busy
    form.closest('dialog')?.removeAttribute('closedby')
    for (const close of all('[data-close]', form)) close.disabled = false
    for (const button of all('[aria-busy]', form)) button.removeAttribute('aria-busy')
  }
  addEventListener('pageshow', (event) => {
    if (event.persisted) all('form').forEach(idle)
  })
  // Drafts: what was typed into a form survives the end of the session. It is kept in this tab alone, for the
  // same person and page, without passwords and PINs.
  const user = document.body.dataset.user
  const typed = (form) => all('input, select, textarea', form)
    .filter((field) => field.name && !['hidden', 'password', 'file', 'submit'].includes(field.type) && field.name !== 'code')
  const ticked = (field) => field.type === 'checkbox' || field.type === 'radio'
  function changed(field) {
    if (ticked(field)) return field.checked !== field.defaultChecked
    if (field.tagName === 'SELECT') return [...field.options].some((option) => option.selected !== option.defaultSelected)
    return field.value !== field.defaultValue
  }
  function keepDraft(form, why) {
    const dialog = form.closest('dialog')
    if (!user || form.method !== 'post' || !dialog?.id || !typed(form).some(changed)) return
    const fields = typed(form).map((field) => [field.name, ticked(field) ? [field.value, field.checked] : [field.value]])
    const kept = { user, why, path: location.pathname, dialog: dialog.id, from: dialog.dataset.from, fields }
    sessionStorage.setItem('draft', JSON.stringify(kept))
  }
  const keepDrafts = () => all('dialog[open] form').forEach((form) => keepDraft(form, 'lost'))
  const draft = JSON.parse(sessionStorage.getItem('draft') || 'null')
  if (draft && !user) {
    // A form that led here instead of to an answer was not taken.
    sessionStorage.setItem('draft', JSON.stringify({ ...draft, why: 'lost' }))
  } else if (draft) {
    sessionStorage.removeItem('draft')
    if (draft.why === 'lost' && draft.user === user && draft.path === location.pathname) addEventListener('load', restoreDraft)
  }
  async function restoreDraft() {
    const dialog = document.getElementById(draft.dialog) || draft.from && await fetchDialog(draft.from, draft.dialog)
    if (!dialog) return
    if (!dialog.open) dialog.showModal()
    for (const [name, [value, checked]] of draft.fields) {
      const field = typed(dialog).find((one) => one.name === name && (checked === undefined || one.value === value))
      if (!field) continue
      if (checked === undefined) field.value = value
      else field.checked = checked
    }
    dialog.querySelector('.dialog-body')?.prepend(notice('You were signed out before this was saved. Check it and save it again.'))
  }
  function notice(text) {
    const box = document.createElement('div')
    box.className = 'notice notice-warn'
    box.setAttribute('role', 'status')
    const line = document.createElement('p')
    line.textContent = text
    box.append(line)
    return box
  }

  // A row's dialog is fetched from the page of what the row is about, where it stands anyway; without a script
  // the button leads there.
  on('click', '[data-dialog-from]', async (link, event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    link.closest('[popover]')?.hidePopover()
    link.setAttribute('aria-busy', 'true')
    const dialog = await fetchDialog(link.href, link.dataset.dialogFrom)
    link.removeAttribute('aria-busy')
    if (!dialog) {
      location.href = link.href
      return
    }
    dialog.dataset.row = link.closest('tr')?.id || ''
    const menu = link.closest('[popover]')
    const opener = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : link
    dialog.addEventListener('close', () => opener?.focus())
    dialog.showModal()
  })
  async function fetchDialog(from, id) {
    const response = await fetch(from, { headers: { 'Keyway-Live': 'yes' } }).catch(() => undefined)
    if (!response?.ok || response.redirected) return undefined
    const dialog = new DOMParser().parseFromString(await response.text(), 'text/html').getElementById(id)
    if (!dialog) return undefined
    document.getElementById(id)?.remove()
    dialog.dataset.from = from
    dialog.addEventListener('close', () => dialog.remove())
    document.body.append(dialog)
    refreshTimes()
    return dialog
  }
  // A dialog shared by all rows takes the names and the address of the row that opened it.
  on('click', '[data-dialog][data-action]', (button) => {
    const dialog = document.getElementById(button.dataset.dialog)
    dialog.querySelector('form').action = button.dataset.action
    for (const part of all('[data-fill]', dialog)) part.textContent = button.dataset[part.dataset.fill] || ''
    for (const part of all('[data-when]', dialog)) part.hidden = !button.dataset[part.dataset.when]
    dialog.dataset.row = button.closest('tr')?.id || ''
  })
  // What a dialog is about may be gone while somebody types: their text stays, and the dialog says so.
  function orphan(dialog) {
    if (dialog.dataset.orphan) return
    dialog.dataset.orphan = 'yes'
    const body = dialog.querySelector('.dialog-body') || dialog.querySelector('form')
    body?.prepend(notice('This was changed or deleted in the meantime. You can still copy your text.'))
    for (const button of all('[type="submit"]', dialog)) button.disabled = true
  }

  for (const input of all('[data-match]')) {
    const submit = input.form.querySelector('[type="submit"]')
    const check = () => { submit.disabled = input.value !== input.dataset.match }
    input.addEventListener('input', check)
    check()
  }

  // A Connect Webview in a frame of a dialog: made when the dialog opens, told to go when it closes.
  // The page behind shows what was connected.
  on('click', '[data-dialog]', (button) => {
    const dialog = document.getElementById(button.dataset.dialog)
    if ('connect' in dialog.dataset) connect(dialog)
  })
  // What a frame has shown goes with it, so each opening has a new one.
  function emptyFrame(dialog) {
    const frame = dialog.querySelector('[data-connect-frame]')
    const fresh = frame.cloneNode()
    fresh.removeAttribute('src')
    fresh.hidden = true
    frame.replaceWith(fresh)
    return fresh
  }
  async function connect(dialog) {
    const frame = emptyFrame(dialog)
    const state = dialog.querySelector('[data-connect-state]')
    const focused = document.activeElement
    state.hidden = false
    state.textContent = 'Opening…'
    try {
      const response = await fetch(dialog.dataset.connect, { method: 'POST', headers: { Accept: 'application/json' } })
      if (!response.ok || !response.headers.get('Content-Type').startsWith('application/json')) throw new Error()
      const { url } = await response.json()
      if (!dialog.open) return
      frame.addEventListener('load', () => { if (document.activeElement === focused) frame.focus() }, { once: true })
      frame.src = url
      frame.hidden = false
      state.hidden = true
    } catch {
      state.textContent = 'The page couldn’t be opened. Reload and try again.'
    }
  }
  addEventListener('message', (event) => {
    const frame = all('[data-connect-frame]').find((one) => one.contentWindow === event.source)
    if (!frame || event.origin !== location.origin) return
    const dialog = frame.closest('dialog')
    if (event.data.type === 'connect_webview.login_succeeded') dialog.dataset.connected = 'yes'
    if (event.data.type === 'connect_webview.close') dialog.close()
  })
  // The event does not bubble.
  document.addEventListener('close', (event) => {
    const dialog = event.target
    if (!('connect' in dialog.dataset) || dialog.open) return // it may be open again by now
    emptyFrame(dialog)
    if (dialog.dataset.connected) location.reload()
  }, true)

  // Passkeys: the form is sent with what the device answered.
  async function passkey(form) {
    try {
      const response = await fetch(form.dataset.begin, { method: 'POST' })
      const begun = await response.json()
      if (!response.ok) throw new Error(begun.message)
      let made
      if (form.dataset.passkey === 'create') {
        made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.options) })
      } else {
        made = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.options) })
      }
      form.elements.sealed.value = begun.sealed
      form.elements.answer.value = JSON.stringify(made.toJSON())
      form.submit()
    } catch (error) {
      idle(form)
      const text = {
        NotAllowedError: 'No passkey was used.',
        InvalidStateError: 'This device already has a passkey for this server.',
      }[error.name] || error.message
      const old = form.querySelector('[data-passkey-error]')
      if (old) old.remove()
      const line = message('error', text || 'The passkey could not be used.')
      line.setAttribute('role', 'alert')
      line.dataset.passkeyError = ''
      const body = form.querySelector('.dialog-body') || form
      body.prepend(line)
    }
  }
  // A form that waits while its person is at the provider. It is sealed: nobody but the server reads it.
  on('click', '[data-keep-form]', (link) => sessionStorage.setItem('kept-form', link.dataset.keepForm))
  const waiting = document.querySelector('[data-kept-form]')
  if (waiting) {
    waiting.elements.sealed_form.value = sessionStorage.getItem('kept-form') || ''
    sessionStorage.removeItem('kept-form')
    if (waiting.elements.sealed_form.value) waiting.requestSubmit()
  }
  const follow = document.querySelector('[data-follow]')
  if (follow) location.href = follow.href

  // Copy
  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      // Plain http elsewhere than on loopback has no clipboard API.
      const area = document.createElement('textarea')
      area.value = text
      area.className = 'visually-hidden'
      const root = button.closest('dialog') || document.body
      root.append(area)
      area.select()
      document.execCommand('copy')
      area.remove()
      button.focus()
    }
    const label = button.querySelector('.copy-label')
    button.classList.add('copied')
    if (label) label.textContent = 'Copied'
    say('Copied')
    clearTimeout(button.copyTimer)
    button.copyTimer = setTimeout(() => {
      button.classList.remove('copied')
      if (label) label.textContent = 'Copy'
    }, 2000)
  }
  on('click', '[data-copy]', (button) => copy(button, button.dataset.copy))
  on('click', '[data-copy-from]', (button) => copy(button, document.getElementById(button.dataset.copyFrom).textContent))
  function say(text) {
    const line = document.createElement('p')
    line.className = 'visually-hidden'
    line.textContent = text
    toasts.append(line)
    setTimeout(() => line.remove(), 1500)
  }

  // Tabs
  for (const list of all('[role="tablist"]')) {
    const tabs = all('[role="tab"]', list)
    const select = (tab, focus) => {
      for (const other of tabs) {
        const chosen = other === tab
        other.setAttribute('aria-selected', String(chosen))
        other.tabIndex = chosen ? 0 : -1
        document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen
      }
      if (focus) tab.focus()
      tab.scrollIntoView({ block: 'nearest', inline: 'nearest' })
      localStorage.setItem('keyway-language', tab.id)
    }
    list.addEventListener('click', (event) => {
      const tab = event.target.closest('[role="tab"]')
      if (tab) select(tab)
    })
    list.addEventListener('keydown', (event) => {
      const at = tabs.indexOf(document.activeElement)
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key]
      if (at < 0 || to === undefined) return
      event.preventDefault()
      select(tabs[(to + tabs.length) % tabs.length], true)
    })
    const remembered = tabs.find((tab) => tab.id === localStorage.getItem('keyway-language'))
    if (remembered) select(remembered)
  }

  // Snippets: the chosen workspace goes into every example. A workspace key belongs to one
  // workspace, so each keeps its own.
  const keys = new Map()
  const workspace = document.querySelector('[data-slot-source="workspace"]')
  const fill = (slot, text) => all(`[data-slot="${slot}"]`).forEach((span) => { span.textContent = text })
  function showKey(id) {
    const key = keys.get(id)
    fill('workspace_key', key || 'YOUR_WORKSPACE_KEY')
    for (const form of all('[data-workspace-key]')) form.hidden = Boolean(key)
  }
  if (workspace) {
    const key = document.querySelector('[data-slot="workspace_key"]')
    if (key && key.textContent.startsWith('seam_')) keys.set(workspace.value, key.textContent)
    const choose = () => {
      fill('workspace', workspace.value)
      for (const input of all('[data-slot-value="workspace"]')) input.value = workspace.value
      showKey(workspace.value)
    }
    workspace.addEventListener('change', choose)
    choose() // browsers keep the choice over a reload
  }
  // The key is fetched into the page, so that a token which is shown only now stays in sight.
  async function createWorkspaceKey(form) {
    const data = new URLSearchParams(new FormData(form))
    try {
      const response = await fetch(form.action, { method: 'POST', body: data, headers: { Accept: 'application/json' } })
      if (!response.headers.get('Content-Type').startsWith('application/json')) {
        throw new Error('Your session has ended. Copy what you need from this page, then sign in again.')
      }
      const answer = await response.json()
      if (answer.reason === 'fresh_authentication') {
        form.submit() // the server asks who it is, and goes on
        return
      }
      if (answer.nonce) all('[data-workspace-key] [name="nonce"]').forEach((input) => { input.value = answer.nonce })
      if (!response.ok) throw new Error(answer.message)
      keys.set(answer.workspace_id, answer.token)
      if (workspace.value === answer.workspace_id) showKey(answer.workspace_id)
      toast(message('success', 'Workspace key created. It’s shown only once.'))
    } catch (error) {
      toast(message('error', error.message || 'The workspace key couldn’t be created.'))
    }
  }
  function message(kind, text) {
    const box = document.createElement('div')
    box.className = `flash flash-${kind}`
    const line = document.createElement('p')
    line.textContent = text
    box.append(line)
    return box
  }

  // The date that an expiry comes to, beside the button.
  for (const box of all('[data-expiry]')) {
    const select = box.querySelector('select')
    const day = box.querySelector('[type="date"]')
    const result = box.closest('form').querySelector('[data-expiry-result]')
    const format = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
    const show = () => {
      const option = select.selectedOptions[0]
      let text = option.dataset.expires
      if (option.value === 'date') text = day.value && format.format(new Date(`${day.value}T00:00:00Z`))
      const strong = document.createElement('strong')
      strong.textContent = text || ''
      if (option.value === 'never') result.replaceChildren('Never expires')
      else if (text) result.replaceChildren('Expires on ', strong)
      else result.replaceChildren()
    }
    select.addEventListener('change', show)
    day.addEventListener('input', show)
    show()
  }

  // Limits of a token: the networks take the current address, the time zone is the browser's, and the
  // devices are looked for in one workspace at a time.
  on('click', '[data-append]', (button) => {
    const area = document.getElementById(button.dataset.append)
    const lines = area.value.split('\n').map((line) => line.trim()).filter(Boolean)
    if (!lines.includes(button.dataset.value)) lines.push(button.dataset.value)
    area.value = lines.join('\n')
    area.focus()
  })
  const zones = document.getElementById('time-zones')
  if (zones && Intl.supportedValuesOf) {
    for (const zone of Intl.supportedValuesOf('timeZone')) zones.append(new Option(zone, zone))
    for (const input of all('[data-time-zone]')) input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || input.value
  }
  for (const box of all('[data-devices]')) {
    const [chosen, found] = [box.querySelector('[data-devices-chosen]'), box.querySelector('[data-devices-found]')]
    const [workspace, search] = [box.querySelector('[data-devices-workspace]'), box.querySelector('[data-devices-search]')]
    if (!search) continue
    let asked
    const look = async () => {
      const address = `${box.dataset.devices}?${new URLSearchParams({ workspace_id: workspace.value, q: search.value })}`
      asked = address
      const response = await fetch(address, { headers: { Accept: 'application/json' } }).catch(() => undefined)
      if (!response?.ok || asked !== address) return
      const { devices } = await response.json()
      if (asked !== address) return
      const taken = new Set(all('input', chosen).map((input) => input.value))
      found.replaceChildren(...devices.filter((one) => !taken.has(one.device_id)).map((one) => {
        const [label, input, text] = ['label', 'input', 'span'].map((tag) => document.createElement(tag))
        label.className = 'check'
        Object.assign(input, { type: 'checkbox', name: 'device_id', value: one.device_id })
        text.textContent = one.about ? `${one.name} (${one.about})` : one.name
        label.append(input, text)
        return label
      }))
      if (!found.firstChild) found.textContent = devices.length ? 'All of them are selected.' : 'No device with this name.'
    }
    let waiting
    search.addEventListener('input', () => {
      clearTimeout(waiting)
      waiting = setTimeout(look, 150)
    })
    search.addEventListener('focus', () => { if (!found.firstChild) look() })
    search.addEventListener('keydown', (event) => { if (event.key === 'Enter') event.preventDefault() })
    workspace.addEventListener('change', look)
    // What is chosen moves up and stays, whatever is looked for next.
    found.addEventListener('change', (event) => {
      chosen.append(event.target.closest('label'))
      event.target.focus()
    })
  }

  // Menus: those of rows stand beside their buttons; arrows go through the items.
  document.addEventListener('toggle', (event) => {
    const menu = event.target
    if (!(menu instanceof Element) || !menu.matches('.menu') || event.newState !== 'open') return
    const button = document.querySelector(`[popovertarget="${menu.id}"]`)
    if (menu.matches('.menu-row') && button) {
      const box = button.getBoundingClientRect()
      menu.style.top = `${Math.max(8, Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`
      menu.style.left = `${Math.max(8, box.right - menu.offsetWidth)}px`
    }
  }, true)
  const items = (menu) => all('a.menu-item, button.menu-item', menu).filter((item) => item.getClientRects().length)
  document.addEventListener('keydown', (event) => {
    if (!(event.target instanceof Element)) return
    const opened = event.target.matches('[popovertarget]') && document.getElementById(event.target.getAttribute('popovertarget'))
    const menu = event.target.closest('.menu:popover-open') || opened && opened.closest('.menu:popover-open')
    if (!menu) return
    const list = items(menu)
    if (event.key === 'Enter' && event.target.matches('[data-filter]') && list.length) {
      const hit = list.find((item) => item.closest('[data-filter-item]'))
      event.preventDefault()
      hit?.click()
      return
    }
    const at = list.indexOf(document.activeElement)
    const home = event.target.matches('input') ? undefined : 0
    const end = list.length - 1
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? end : at - 1, Home: home, End: home === undefined ? undefined : end }[event.key]
    if (to === undefined || !list.length) return
    event.preventDefault()
    list[(to + list.length) % list.length].focus()
  })

  // The server does not answer: a bar says so until it does.
  function connection(there) {
    if (there) {
      offline?.remove()
      offline = undefined
    } else if (!offline) {
      offline = notice('Connection lost. Trying again…')
      offline.classList.add('offline')
      offline.popover = 'manual'
      document.body.append(offline)
      offline.showPopover()
    }
  }

  // Live pages: what data-live marks is fetched again when a subject that it names has changed. The
  // comment in live.go says how a page uses it. A hidden page does not listen: browsers allow few
  // connections, and it hears what it has missed when it is looked at again.
  const news = document.body.dataset.liveFrom
  if (news && document.querySelector('[data-live]')) {
    const address = new URL(news, location.href)
    const stale = new Set()
    let source, fetching
    const listen = () => {
      if (document.hidden) {
        source?.close()
        source = undefined
      } else if (!source) {
        source = new EventSource(address)
        source.addEventListener('message', (event) => {
          address.searchParams.set('since', event.lastEventId)
          const changed = new Set(JSON.parse(event.data).flatMap((subject) => [subject, subject.split(':')[0]]))
          for (const part of all('[data-live]')) {
            if (changed.has('*') || part.dataset.live.split(' ').some((name) => changed.has(name))) stale.add(part.id)
          }
          changed.has('gone') ? again() : refresh()
        })
        source.addEventListener('open', () => connection(true))
        source.addEventListener('error', () => {
          if (leaving) return
          if (source?.readyState === EventSource.CLOSED) again()
          else connection(false)
        })
      }
    }
    // A reload would get in the way of a page that is coming, as when signing out ends the stream first.
    let leaving
    addEventListener('beforeunload', () => {
      leaving = true
      setTimeout(() => { leaving = false }, 3000) // a download leaves the page where it is
    })
    const lost = (response) => !leaving && (response?.redirected || [403, 404].includes(response?.status))
    // Whoever may not listen any more has lost this page too, unless they only have another session now.
    async function again() {
      source?.close()
      source = undefined
      const response = await fetch(location.href, { headers: { 'Keyway-Live': 'yes' } }).catch(() => undefined)
      if (!leaving) connection(Boolean(response))
      if (lost(response)) {
        keepDrafts()
        location.reload()
      } else setTimeout(response?.ok && !response.redirected ? listen : again, 5000)
    }
    document.addEventListener('visibilitychange', listen)
    listen()
    async function refresh() {
      if (fetching || stale.size === 0) return
      fetching = true
      const parts = [...stale]
      stale.clear()
      try {
        const response = await fetch(location.href, { headers: { 'Keyway-Live': 'yes' } })
        if (lost(response)) {
          keepDrafts()
          location.reload()
        } else if (response.ok && !response.redirected) {
          const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
          for (const id of parts) {
            const [from, to] = [document.getElementById(id), fresh.getElementById(id)]
            if (from && to) morph(from, to)
          }
          for (const dialog of all('dialog[open][data-row]')) {
            if (dialog.dataset.row && !document.getElementById(dialog.dataset.row)) orphan(dialog)
          }
          document.title = fresh.title
          refreshTimes()
        }
      } catch {
        // The server is not there; when it is, the stream tells that everything may have changed.
      }
      setTimeout(() => { fetching = false; refresh() }, 250)
    }
  }
  // Makes one part of the page like another and keeps every element that is in both, and with it
  // focus, scroll and what is open.
  function morph(from, to) {
    if (from.isEqualNode(to)) return
    if (from.nodeType !== Node.ELEMENT_NODE) {
      from.data = to.data
      return
    }
    if (from === document.activeElement && from.matches('input, select, textarea')) return
    if (from.matches('dialog[open], :popover-open, form[data-busy]')) return
    for (const { name } of [...from.attributes]) if (name !== 'open' && !to.hasAttribute(name)) from.removeAttribute(name)
    for (const { name, value } of to.attributes) if (name !== 'open' && from.getAttribute(name) !== value) from.setAttribute(name, value)
    const old = [...from.childNodes]
    const pairs = [...to.childNodes].map((next) => {
      const at = old.findIndex((node) => node.nodeName === next.nodeName && (node.id || '') === (next.id || ''))
      return [at < 0 ? undefined : old.splice(at, 1)[0], next]
    })
    for (const node of old) {
      const open = node instanceof Element && (node.matches('dialog[open]') ? node : node.querySelector('dialog[open]'))
      if (open) orphan(open)
      else node.remove()
    }
    let place = from.firstChild
    for (const [kept, next] of pairs) {
      if (kept) morph(kept, next)
      if (kept && kept === place) place = place.nextSibling
      else from.insertBefore(kept || next, place)
    }
  }

  // Filters of long lists, and "/" for the search of the page.
  for (const input of all('[data-filter]')) {
    const list = document.getElementById(input.dataset.filter)
    input.addEventListener('input', () => {
      const words = input.value.trim().toLowerCase()
      const items = all('[data-filter-item]', list)
      for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(words)
      for (const group of all('fieldset', list)) group.hidden = !group.querySelector('[data-filter-item]:not([hidden])')
      list.nextElementSibling.hidden = items.some((item) => !item.hidden)
    })
    // Enter chooses nothing yet: it must not send the form around the filter.
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') event.preventDefault()
    })
    const popover = input.closest('[popover]')
    if (popover) {
      popover.addEventListener('toggle', (event) => {
        if (event.newState === 'open') input.focus()
      })
    }
  }
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target.closest('input, select, textarea') || document.querySelector('dialog[open]')) return
    const search = document.querySelector('[data-search]')
    if (!search) return
    event.preventDefault()
    search.focus()
    search.select()
  })
})()
