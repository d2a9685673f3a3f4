-- A database at schema 00018, the last before the eighteen migrations were folded: people, tokens, locks, codes, webhooks. Never changed.
CREATE TABLE access_codes (
    workspace_id text NOT NULL,
    access_code_id text NOT NULL,
    device_id text NOT NULL,
    connected_account_id text NOT NULL,
    is_managed boolean NOT NULL,
    is_spare boolean NOT NULL,
    common_code_key text,
    search text NOT NULL,
    doc text NOT NULL,
    secret bytea NOT NULL,
    state bytea NOT NULL,
    created_at bigint NOT NULL,
    prints bytea,
    asleep_until bigint,
    asleep_in bigint
);
CREATE TABLE action_attempts (
    workspace_id text NOT NULL,
    action_attempt_id text NOT NULL,
    device_id text,
    status text NOT NULL,
    doc text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE audit_entries (
    entry_id text NOT NULL,
    occurred_at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    workspace_id text,
    subject_id text,
    detail text NOT NULL,
    seq bigint,
    key_id text,
    mac bytea,
    user_id text,
    credential_id text
);
CREATE TABLE audit_head (
    name text NOT NULL,
    seq bigint NOT NULL,
    mac bytea
);
CREATE TABLE authenticators (
    user_id text NOT NULL,
    secret bytea NOT NULL,
    last_step bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE client_session_resources (
    workspace_id text NOT NULL,
    client_session_id text NOT NULL,
    kind text NOT NULL,
    resource_id text NOT NULL
);
CREATE TABLE client_sessions (
    workspace_id text NOT NULL,
    client_session_id text NOT NULL,
    short_token text NOT NULL,
    key_id text NOT NULL,
    digest bytea NOT NULL,
    sealed_token bytea NOT NULL,
    user_identifier_key text,
    customer_key text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint
);
CREATE TABLE connect_webviews (
    workspace_id text NOT NULL,
    connect_webview_id text NOT NULL,
    sealed_token bytea NOT NULL,
    opened_at bigint,
    expires_at bigint NOT NULL,
    failures bigint NOT NULL,
    connected_account_id text,
    customer_key text,
    user_identifier_key text,
    search text NOT NULL,
    doc text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE connected_accounts (
    workspace_id text NOT NULL,
    connected_account_id text NOT NULL,
    provider text NOT NULL,
    brand text NOT NULL,
    external_id text NOT NULL,
    customer_key text,
    user_identifier_key text,
    search text NOT NULL,
    doc text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE credentials (
    credential_id text NOT NULL,
    kind text NOT NULL,
    short_token text NOT NULL,
    key_id text NOT NULL,
    digest bytea NOT NULL,
    user_id text,
    workspace_id text,
    parent_id text,
    name text NOT NULL,
    description text NOT NULL,
    created_at bigint NOT NULL,
    created_from text NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    revoked_by text,
    revoke_reason text,
    last_used_at bigint,
    last_used text,
    limits text DEFAULT '{"scopes":["*"]}'::text NOT NULL,
    not_before bigint,
    disabled_at bigint,
    is_decoy boolean DEFAULT false NOT NULL,
    is_strict boolean DEFAULT false NOT NULL,
    predecessor_id text,
    successor_id text,
    grace_ends_at bigint,
    ends_predecessor boolean DEFAULT false NOT NULL,
    expiry_notice bigint,
    recent_addresses text DEFAULT '[]'::text NOT NULL,
    use_count bigint DEFAULT 0 NOT NULL,
    family_id text DEFAULT ''::text NOT NULL
);
CREATE TABLE device_memory (
    workspace_id text NOT NULL,
    brand text NOT NULL,
    account text NOT NULL,
    device text NOT NULL,
    sealed bytea NOT NULL
);
CREATE TABLE devices (
    workspace_id text NOT NULL,
    device_id text NOT NULL,
    connected_account_id text NOT NULL,
    external_id text NOT NULL,
    device_type text NOT NULL,
    manufacturer text NOT NULL,
    name text NOT NULL,
    is_managed boolean NOT NULL,
    flags text NOT NULL,
    customer_key text,
    user_identifier_key text,
    search text NOT NULL,
    doc text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE event_heads (
    workspace_id text NOT NULL,
    seq bigint NOT NULL
);
CREATE TABLE event_refs (
    workspace_id text NOT NULL,
    name text NOT NULL,
    resource_id text NOT NULL,
    occurred_at bigint NOT NULL,
    event_id text NOT NULL,
    actor text
);
CREATE TABLE events (
    workspace_id text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    occurred_at bigint NOT NULL,
    device_id text,
    connected_account_id text,
    customer_key text,
    doc text NOT NULL,
    created_at bigint NOT NULL,
    secret bytea,
    seq bigint DEFAULT 0 NOT NULL
);
CREATE TABLE generations (
    scope text NOT NULL,
    value bigint NOT NULL
);
CREATE TABLE goose_db_version (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE goose_db_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME goose_db_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE jobs (
    job_id text NOT NULL,
    kind text NOT NULL,
    workspace_id text NOT NULL,
    payload text NOT NULL,
    run_at bigint NOT NULL,
    lease_until bigint,
    attempts bigint NOT NULL,
    last_error text NOT NULL,
    created_at bigint NOT NULL,
    due_at bigint,
    again_at bigint
);
CREATE TABLE links (
    link_id text NOT NULL,
    kind text NOT NULL,
    key_id text NOT NULL,
    digest bytea NOT NULL,
    workspace_id text,
    email text,
    role text,
    created_by text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint
);
CREATE TABLE mails (
    mail_id text NOT NULL,
    kind text NOT NULL,
    sealed bytea NOT NULL,
    attempts bigint NOT NULL,
    next_at bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE memberships (
    workspace_id text NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE metadata (
    workspace_id text NOT NULL,
    resource_id text NOT NULL,
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE openid_accounts (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id text NOT NULL,
    email text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE passkeys (
    passkey_id text NOT NULL,
    user_id text NOT NULL,
    handle text NOT NULL,
    name text NOT NULL,
    doc text NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint
);
CREATE TABLE policies (
    workspace_id text NOT NULL,
    doc text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text
);
CREATE TABLE recovery_codes (
    user_id text NOT NULL,
    number bigint NOT NULL,
    key_id text NOT NULL,
    digest bytea NOT NULL,
    used_at bigint
);
CREATE TABLE refusals (
    request_id text NOT NULL,
    credential_id text NOT NULL,
    user_id text NOT NULL,
    occurred_at bigint NOT NULL,
    doc text NOT NULL
);
CREATE TABLE refused_tokens (
    workspace_id text NOT NULL,
    credential_id text NOT NULL,
    refused_by text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE server_keys (
    key_id text NOT NULL,
    proof bytea NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE sessions (
    session_id text NOT NULL,
    user_id text NOT NULL,
    kind text NOT NULL,
    key_id text NOT NULL,
    digest bytea NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    address text NOT NULL,
    user_agent text NOT NULL,
    authenticated_at bigint DEFAULT 0 NOT NULL,
    method text DEFAULT 'password'::text NOT NULL,
    must_renew boolean DEFAULT false NOT NULL
);
CREATE TABLE settings (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE spent_challenges (
    challenge text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE token_counters (
    credential_id text NOT NULL,
    counter text NOT NULL,
    value bigint NOT NULL
);
CREATE TABLE token_habits (
    family_id text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    last_used_at bigint NOT NULL
);
CREATE TABLE token_networks (
    family_id text NOT NULL,
    network text NOT NULL,
    first_used_at bigint NOT NULL,
    last_used_at bigint NOT NULL
);
CREATE TABLE token_uses (
    credential_id text NOT NULL,
    day text NOT NULL,
    workspace_id text NOT NULL,
    endpoint text NOT NULL,
    count bigint NOT NULL
);
CREATE TABLE users (
    user_id text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    is_operator boolean NOT NULL,
    disabled_at bigint,
    created_at bigint NOT NULL
);
CREATE TABLE webhook_attempts (
    workspace_id text NOT NULL,
    webhook_id text NOT NULL,
    webhook_attempt_id text NOT NULL,
    event_id text NOT NULL,
    payload text,
    doc text NOT NULL,
    response bytea,
    created_at bigint NOT NULL
);
CREATE TABLE webhook_deliveries (
    workspace_id text NOT NULL,
    webhook_id text NOT NULL,
    delivery_id text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    seq bigint NOT NULL,
    payload text,
    attempts bigint NOT NULL,
    next_at bigint NOT NULL
);
CREATE TABLE webhooks (
    workspace_id text NOT NULL,
    webhook_id text NOT NULL,
    doc text NOT NULL,
    event_types text NOT NULL,
    secrets bytea NOT NULL,
    failing_since bigint,
    disabled_at bigint,
    due_at bigint,
    lease_by text,
    created_at bigint NOT NULL,
    family_id text
);
CREATE TABLE workspace_logos (
    workspace_id text NOT NULL,
    type text NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE workspaces (
    workspace_id text NOT NULL,
    name text NOT NULL,
    is_sandbox boolean NOT NULL,
    is_suspended boolean NOT NULL,
    publishable_key text NOT NULL,
    doc text NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint,
    clock_offset bigint DEFAULT 0 NOT NULL
);
INSERT INTO access_codes VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7fd-78fd-8df4-ce4725adeaf4', '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', false, false, NULL, 'cleaner
01a22b78-e7fd-78fd-8df4-ce4725adeaf4', '{"access_code_id":"01a22b78-e7fd-78fd-8df4-ce4725adeaf4","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","name":"Cleaner","type":"ongoing","status":"set","created_at":"2026-11-30T08:01:13.725Z","starts_at":null,"ends_at":null,"is_managed":false}', '\x096b5349624c66433856109cb06127cb9e2432a357a68b0436043f9c8f9c173a952fb05d361b444855718a545b2d27393941614f88325fa384b3f637f411fb790426c1d650f8fb09ccea10fc00a974', '\x096b5349624c66433856d5fc3b2d993ed7775622bc9b1739efac8ade4ff7e423b8122f5370bc671d5a60103930b3c15f0f606b846f829a80fe0614b3bc38e493bbaf1321c5e71f382c515bc901d1a3771d616ef07024b1eaaf851ccaba4dcb1ef06f647f9c6a632d380cab875ccc2da3adbfaa09103774d5c094d5279b1d12334cf00766915b2fcfb535b4df3229ec7e2ffbfedc53d323f9240d17213c5a2368f2ece27a226e6395d544c8ea6421ef4f96202f4125c8f9b9f1', 1796025673725000, '\x014a85f196ce247d384c663deabaa38c5b0ad0bb0a1dee86c6467d315de778d89a04', NULL, NULL);
INSERT INTO access_codes VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7fd-7910-b2bc-51b8a8c950c1', '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', false, false, NULL, 'family
01a22b78-e7fd-7910-b2bc-51b8a8c950c1', '{"access_code_id":"01a22b78-e7fd-7910-b2bc-51b8a8c950c1","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","name":"Family","type":"ongoing","status":"set","created_at":"2026-11-30T08:01:13.725Z","starts_at":null,"ends_at":null,"is_managed":false}', '\x096b5349624c6643385640690183ef60748bfe2236236d5ca47ea2309e1d1071a3c6d8569585f46e612f962e4a316cbffa21a2a5c6296c69eb3c3d44a5463652c2188c5cec4d057022918c8a382d34', '\x096b5349624c664338564b26d3ca3655bfce691e696b5ddcb0f02e1e33bead436adb2ae91163a40c7e937df8659c970d73b44c3c3c167e27aa7de31b5bde30e02647bbbf234db7b95b3315292c7fa3f6223b472c923999165e8c2763d260ec9c935259284b147dff49cc4b193d2043676707d674da060cc8e26ebdfa8e9c0978c7183a87b03641e22ddf140079bbc256c13bfcebc597b6e0a4ddc27786a8cbdc4fd9d1c173da6302f56b16c4e392148c0cfeb6c626535a', 1796025673725000, '\x0184c7513f90644aa28750fefb0de23be185bcda8befce85ff7d725706752cb4c704', NULL, NULL);
INSERT INTO access_codes VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e88e-7f12-ae8a-bae21d60a687', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', true, false, NULL, 'guest
01a22b78-e88e-7f12-ae8a-bae21d60a687', '{"access_code_id":"01a22b78-e88e-7f12-ae8a-bae21d60a687","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","name":"Guest","type":"time_bound","status":"unset","created_at":"2026-11-30T08:01:13.870Z","starts_at":"2027-01-01T10:00:00.000Z","ends_at":"2027-01-03T10:00:00.000Z","common_code_key":null,"is_managed":true,"is_backup":false,"is_backup_access_code_available":false,"is_external_modification_allowed":false,"is_offline_access_code":false,"is_one_time_use":false,"is_scheduled_on_device":false,"is_waiting_for_code_assignment":false,"pulled_backup_access_code_id":null}', '\x096b5349624c66433856103672bfae9b046f243ce517454c09af0bb9952313be4811461cf6c5024f04db79c8c57fd17592b9707267be41e8c32bf699fa65e6effa2ae86ae14626ac933b9975217b849005494010cf0f927bc9cb255c53d836da495b119a89bb174844f43f698275b513f28411c7a8c3d5fa93d81e84c89a909f098af3198220f29b1202dfa093842ffee7495e03729991d40861eb0b105297a0847a06eb0829eb647a89a2c49aaa3778e1b413882bd3dcc84fd2b0069ebbdac53c91a7e92f5694c21f3d9f1a5abcd281c2a8daddee2705d5bee89bb701d6bb522e07e1034440fb828f722820a19a28901e2181c555f236fae7d2bf9898d706f6993667e8bf15316720a039611f585991b6b559219f03c65d2ba324704b767abd0788161276', '\x096b5349624c6643385631aa1b7a3f9f6f28dbf3e828586b290b7e3e8ae9ae967e203ec91f1bb1af17e9b6dc5f3d2cb0acae5a9ac7577b0a2e6809fa9167c9ddc569ceff096ee98dcbb7090e23e669fe63da27286e5c14d87c664a9f21b74f200b9d5aa47bac46cddf7aab0ea1960ec5f1c9789d413828fb585c06e37acd77fce33759c1d191540afc70a0853f8a280fa0991f7e04c90966a7f76617fc484221a2d9f7df3b8b5b535f44aedc9cf4d86a0a582ed2502560d666b8b21fb4d72df9ee605cf4318c86fc4c1984c4e3b52cf74f94d7616cb11c31d30279808a9d02420539800bc2bee607b25d23bb0263f043ceea4f924eb060e6361354764153c564f9f56d3ad9e2c17332adb87873680830e2b407494b1e8adb49da9cd2673ffca3e17654f7269f2cecd0ba8b26990899e103b05e6837d50d67bb4fdd25e9836e00fe40461ffbde59d45ddb177f89e19e7b60b3fe08fdef70219b9736ab9ea53d1a564bc9e9a4b7c8b1ca267cbeca80f4517884bde9', 1796025673870000, '\x012e1387bc87c06385056bb0bccee193113e92ca186dd855f73b9223bdebab23b204', 1798538400000000, -593526448677995678);
INSERT INTO access_codes VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e892-717d-8712-0ee2d1280c11', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', true, false, NULL, 'cleaner
01a22b78-e892-717d-8712-0ee2d1280c11', '{"access_code_id":"01a22b78-e892-717d-8712-0ee2d1280c11","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","name":"Cleaner","type":"ongoing","status":"set","created_at":"2026-11-30T08:01:13.874Z","starts_at":null,"ends_at":null,"common_code_key":null,"is_managed":true,"is_backup":false,"is_backup_access_code_available":false,"is_external_modification_allowed":false,"is_offline_access_code":false,"is_one_time_use":false,"is_scheduled_on_device":false,"is_waiting_for_code_assignment":false,"pulled_backup_access_code_id":null}', '\x096b5349624c664338563f7a3b9fa3c2522a8eb95d01a704194638d47aca3fbfc001d42bba5bde0f44c47234b30c432f1fac03b4b33952e0c2a2868c5fcd32dbfa93b5083dfd2b0d724ad75688ce935e5ce30bed613f9cab688b4f15b34e88e169a06932c06a', '\x096b5349624c66433856b21745756af534bdd3b820149a936955be066b42774b0978197891e4e1c1d30850850684aac3a0a29c23cdb548c13918256724e4010a831349b9d6dd9baa05c76c144eb3355130569a242320c4ad114cd67eec22c5208b2012441f0a7a90c9b881216a0833608303ecd44393f1eb0fbd8e6b2d1c1bd912f58707b5c63c82e064da42adf2bbfe1d3c12a5e64897bb68486e9daf548cf027d5b9948d49c25549758732a4664c290d1abf79136bce9f70d23977cf4009eb1697d45c0120e6c506b5d868435dbd67efedbe1989cc2c0f92064ee08cca79a15594c930c6698900ee631a8b9222ad857edf289850e5418356402fcc33aa1157810abde4cdacaf079b378934ef1fcf26dc70d27b9cf341b47ad2fea8f7caeb8dadb826669eb02e1311ab845d1615e64d', 1796025673874000, '\x012be06735cc4aebe9b5dce6534ce352167efd2238747d8b561da312bc9865f6d204', NULL, NULL);
INSERT INTO action_attempts VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e88d-71d0-9836-92b83fce89da', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', 'success', '{"action_attempt_id":"01a22b78-e88d-71d0-9836-92b83fce89da","action_type":"UNLOCK_DOOR","status":"success","result":{"was_confirmed_by_device":true},"error":null}', 1796025673869140);
INSERT INTO action_attempts VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e88e-7f23-80fb-233b0b564aaa', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', 'success', '{"action_attempt_id":"01a22b78-e88e-7f23-80fb-233b0b564aaa","action_type":"CREATE_ACCESS_CODE","status":"success","result":{},"error":null}', 1796025673870995);
INSERT INTO action_attempts VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e892-7187-ba2e-5bf558600754', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', 'success', '{"action_attempt_id":"01a22b78-e892-7187-ba2e-5bf558600754","action_type":"CREATE_ACCESS_CODE","status":"success","result":{},"error":null}', 1796025673874103);
INSERT INTO audit_entries VALUES ('01a22b78-e006-7926-8dd8-e5f3f48fcfc7', 1796025671686600, '{"kind":"command","os_user":"root"}', 'user.created', NULL, '01a22b78-e006-7801-a867-fc6094e9ee9b', '{"email":"jane@example.com","is_operator":true}', 1, 'kSIbLfC8V', '\x5618f50ecb25bf16bd956e73460ff7521ea9a1261fcd3c4a97c1e7c361a23b30', NULL, NULL);
INSERT INTO audit_entries VALUES ('01a22b78-e006-7af6-9bfa-62ff787898e2', 1796025671686718, '{"kind":"command","os_user":"root"}', 'workspace.created', '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e006-7934-bdd8-fa2484f9e326', '{"is_sandbox":true,"name":"Harbour House","owner_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 2, 'kSIbLfC8V', '\xb872f3f9c6710f1ac947817a9db6524c4664f79d30d163774c11c1763ae6f101', NULL, NULL);
INSERT INTO audit_entries VALUES ('01a22b78-e008-737c-9ce0-4f41e2fd4f0c', 1796025671688228, '{"kind":"command","os_user":"root"}', 'personal_access_token.created', NULL, '01a22b78-e008-715e-9926-13b1f2b33087', '{"expires_at":"2027-11-30T08:01:11.687Z","hint":"seam_at1KrHBWH6p","limits":{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null},"name":"first","parent_id":"","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 3, 'kSIbLfC8V', '\xb0f03a3a03e9c83a7b8f25c33ed3172f5c7b39c512190836dc0420e291fdf7c8', NULL, NULL);
INSERT INTO audit_entries VALUES ('01a22b78-e7e5-79e2-8b88-837ad97f0b93', 1796025673701648, '{"kind":"personal_access_token","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e008-715e-9926-13b1f2b33087","address":"127.0.0.1"}', 'workspace.created', '01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '{"is_sandbox":true,"name":"Hill Cottages","owner_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 4, 'kSIbLfC8V', '\xa93b9ff6d749ea74695d56c90264fe8f632377bbd9ff03137d9fbb9d0e4d83c0', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e008-715e-9926-13b1f2b33087');
INSERT INTO audit_entries VALUES ('01a22b78-e840-7ccb-9050-040a3c93f1cb', 1796025673792839, '{"kind":"command","os_user":"root"}', 'user.created', NULL, '01a22b78-e840-7ba4-b0d4-5e340a02b3e3', '{"email":"john@example.com","is_operator":false}', 5, 'kSIbLfC8V', '\x538ef2c9b0c60facdb84bac9f304b0210b19069b5df422c260f66b31957313a1', NULL, NULL);
INSERT INTO audit_entries VALUES ('01a22b78-e84a-7727-9b44-cd33a7cfe903', 1796025673802469, '{"kind":"command","os_user":"root"}', 'member.added', '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e840-7ba4-b0d4-5e340a02b3e3', '{"role":"member"}', 6, 'kSIbLfC8V', '\x61af4118f71e42e9460f77f39cab6552a78addd3eaf57429be8bf77e77f2118f', NULL, NULL);
INSERT INTO audit_entries VALUES ('01a22b78-e876-76ae-9418-d9bf22f7a9d1', 1796025673846438, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'user.signed_in', NULL, '01a22b78-e006-7801-a867-fc6094e9ee9b', '{"kind":"token","method":"password"}', 7, 'kSIbLfC8V', '\x282ba66d04eed5c71fef66fec72461d91b0be7f95ea1d9fbd42191901c6a928b', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e879-70d9-b931-2a9864a0faea', 1796025673849056, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.created', NULL, '01a22b78-e878-7e38-bbc9-de16dd6803e3', '{"expires_at":"2027-11-30T08:01:13.848Z","hint":"seam_at1N9qyZFhd","limits":{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null},"name":"live","parent_id":"","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 8, 'kSIbLfC8V', '\x03c8928eb61b367a1597dd9861a7f676cf6a7acbab7070bc6010b189bbe4c3b3', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e87a-7ca8-8630-73473bc74e82', 1796025673850829, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.created', NULL, '01a22b78-e87a-7bf0-87bd-09a3cc368a90', '{"expires_at":"2027-11-30T08:01:13.850Z","hint":"seam_at1avCSWGM5","limits":{"scopes":["devices:read"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":["10.0.0.0/8"],"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null},"name":"limited","parent_id":"","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 9, 'kSIbLfC8V', '\x9f910902f1ec7dc274ab04eb1364880dcecb51f0e7e5e97d2759aec56ff90578', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e87c-7529-8f55-29e60bd96728', 1796025673852338, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.created', NULL, '01a22b78-e87c-748c-b84d-ec03c717b3ae', '{"expires_at":"2027-11-30T08:01:13.852Z","hint":"seam_at1JjpnNAz7","limits":{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null},"name":"revoked","parent_id":"","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 10, 'kSIbLfC8V', '\x9c844bb465d78a523e2ce9e6d98c031ee8d1d1e5dfe5a987d52b72adb1b8eac7', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e87e-7131-b8aa-8eb3a7110b3e', 1796025673854078, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.created', NULL, '01a22b78-e87e-709e-9997-90503d2c0c9b', '{"expires_at":"2027-11-30T08:01:13.854Z","hint":"seam_at1FmpkZDp5","limits":{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null},"name":"rotated","parent_id":"","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 11, 'kSIbLfC8V', '\xaa7a6295bd9705da9aa2e4550b1358f660481f85e68258006d977416db349682', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e87f-779f-9aef-5c4247e8226c', 1796025673855500, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.created', NULL, '01a22b78-e87f-7702-bcdb-66330c0ac4bd', '{"expires_at":"2027-11-30T08:01:13.855Z","hint":"seam_at1oZUtgGTw","limits":{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null},"name":"disabled","parent_id":"","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}', 12, 'kSIbLfC8V', '\xba364dcc028cdb534f1facbd6e74451b58c84055aa46dfa0b31a375a3441ebb6', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e881-79ec-8d7e-212df4fa0f28', 1796025673857650, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.revoked', NULL, '01a22b78-e87c-748c-b84d-ec03c717b3ae', '{}', 13, 'kSIbLfC8V', '\x87010c6e016bef01441d5c86c258efc09dbe21d3b4025da912c24d04066a8793', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e883-7054-a51f-e8710f0a7378', 1796025673859022, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.disabled', NULL, '01a22b78-e87f-7702-bcdb-66330c0ac4bd', '{}', 14, 'kSIbLfC8V', '\x4f298af7d3cda889422eb53d5189d31dcffbdf1864274f774295deb7906ae53b', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e884-7a46-a55c-8670793793a1', 1796025673860673, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'personal_access_token.rotated', NULL, '01a22b78-e87e-709e-9997-90503d2c0c9b', '{"ends_with_first_use":false,"grace_ends_at":"2026-11-30T08:01:13.860Z","hint":"seam_at1LDVYeaDz","successor_id":"01a22b78-e884-776d-91f8-0adcde9b978e"}', 15, 'kSIbLfC8V', '\x178ecd7cb687709bf896c24fddd636cc3b807c7231a8a47e296be5a1ca52a1f3', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e886-725b-8f2d-19a024ba4b7b', 1796025673862154, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'api_key.created', '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e886-71ab-bbe9-13320c2ffaab', '{"hint":"seam_testdnSn","name":"API key"}', 16, 'kSIbLfC8V', '\xdbeeb327cd323d1df5a9778616f71836e0c70bab0c0393f376dd5e71eae8117f', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e888-728f-b67b-96abeaaa6c40', 1796025673864168, '{"kind":"personal_access_token","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e878-7e38-bbc9-de16dd6803e3","address":"127.0.0.1"}', 'workspace_key.created', '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e888-7200-ae32-547624630875', '{"hint":"seam_test8g9v","personal_access_token_id":"01a22b78-e878-7e38-bbc9-de16dd6803e3"}', 17, 'kSIbLfC8V', '\xaab01eec1c326e48ec69fcd0214eb536dc7cf3b2ca9817973ec5f87ae2dc69aa', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e878-7e38-bbc9-de16dd6803e3');
INSERT INTO audit_entries VALUES ('01a22b78-e89a-72a1-a0be-28b65c389a81', 1796025673882172, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'webhook.created', '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e89a-70e1-8c71-34d1997ed2ed', '{"event_types":["*"],"host":"localhost:18499"}', 18, 'kSIbLfC8V', '\xf7042525e1930d5c208b296f43a03d9689465f40e2efb5773eafd4da1b758352', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e89c-7ebc-b573-03e82e18feb3', 1796025673884966, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'member.invited', '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e89c-7dce-8d9e-9fb3e850ebfb', '{"email":"mary@example.com","role":"member"}', 19, 'kSIbLfC8V', '\x6050051405839a5bc895265b1b7eee8a8db7b23d58103b3b981daf8a25e535a8', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b78-e8a0-7012-80aa-ac53e220951f', 1796025673888005, '{"kind":"console_session","user_id":"01a22b78-e006-7801-a867-fc6094e9ee9b","credential_id":"01a22b78-e876-73f6-9a9f-a55d34991399","address":"127.0.0.1"}', 'policy.updated', NULL, NULL, '{"policy":{"maximum_age_days":null,"default_age_days":null,"never_forbidden":false,"allowed_scopes":null,"allowed_cidrs":null,"inactive_days":null}}', 20, 'kSIbLfC8V', '\x8fe17603f76444a378c87ae10f93707416642ce9ceab8a87ada35cfd63fc3edf', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e876-73f6-9a9f-a55d34991399');
INSERT INTO audit_entries VALUES ('01a22b79-0736-7df6-a753-8fedf4b48769', 1796025681718915, '{"kind":"server"}', 'personal_access_token.new_address', NULL, '01a22b78-e008-715e-9926-13b1f2b33087', '{"address":"127.0.0.1","network":"127.0.0.0/24"}', 21, 'kSIbLfC8V', '\x4f75023073e2372302cf96ed2381902d70f30e91fc14eb5a3ac64cb02e2a7e28', NULL, NULL);
INSERT INTO audit_entries VALUES ('01a22b79-0737-7899-85b3-23ccb06417d5', 1796025681719563, '{"kind":"server"}', 'personal_access_token.new_address', NULL, '01a22b78-e878-7e38-bbc9-de16dd6803e3', '{"address":"127.0.0.1","network":"127.0.0.0/24"}', 22, 'kSIbLfC8V', '\x8f5e3e69785cd73cb809a948a677a5244d80f207d211e90536d18277be87f534', NULL, NULL);
INSERT INTO audit_head VALUES ('chain', 22, '\x8f5e3e69785cd73cb809a948a677a5244d80f207d211e90536d18277be87f534');
INSERT INTO client_session_resources VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e898-774e-b6f1-a872f5239fcd', 'connected_account', '01a22b78-e7f0-7089-b163-086b9e88d992');
INSERT INTO client_sessions VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e898-774e-b6f1-a872f5239fcd', 'cst1eGLzZE1n', 'kSIbLfC8V', '\xe187b18bd22b544260231bdbe57c01d31db1dfb8a741224d688bf3a1288e6a75', '\x096b5349624c66433856af2dd9ed8a20d5ced439f38323b083f0201e9467544c36a6863f9285b82d30af730e7f5180015d8420914a913845f1917f1f32bb7d4c3aa0f3e19e2e147cc70dcdc86fabd007986b869afb48e72fd5f048e1', 'jane', 'c1', 1796025673880492, 1827561673880477, NULL);
INSERT INTO connect_webviews VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7ee-78e7-b70a-c512d1d9cef0', '\x096b5349624c664338563cc26d9f19352b4d580c73556e3c0441412ce40a4bc363764cf280b2a21484cf72c16b5aeeee45155912597ed6e1b2ed90e2dede7db710be7bc35acde2', NULL, 1796112073710000, 0, '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, NULL, '01a22b78-e7ee-78e7-b70a-c512d1d9cef0
august', '{"connect_webview_id":"01a22b78-e7ee-78e7-b70a-c512d1d9cef0","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","created_at":"2026-11-30T08:01:13.710Z","status":"authorized","login_successful":true,"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","authorized_at":"2026-11-30T08:01:13.714Z","selected_provider":"august","device_selection_mode":"none","accepted_providers":["august"],"any_provider_allowed":false,"accepted_devices":[],"any_device_allowed":true,"accepted_capabilities":["lock"],"custom_redirect_url":null,"custom_redirect_failure_url":null,"custom_metadata":{},"automatically_manage_new_devices":true,"wait_for_device_creation":false}', 1796025673710000);
INSERT INTO connect_webviews VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e802-73cf-b429-866fabb95dd5', '\x096b5349624c66433856445d0a6f55589232c4cac7f7803f69c33c8a15f06ef69f9b06b97f4377015f830e5c50a40e271d2a489d3415106068b653329e1bff8931aceb8c2d0683', NULL, 1796112073730000, 0, '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, NULL, '01a22b78-e802-73cf-b429-866fabb95dd5
ecobee', '{"connect_webview_id":"01a22b78-e802-73cf-b429-866fabb95dd5","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d","created_at":"2026-11-30T08:01:13.730Z","status":"authorized","login_successful":true,"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","authorized_at":"2026-11-30T08:01:13.732Z","selected_provider":"ecobee","device_selection_mode":"none","accepted_providers":["ecobee"],"any_provider_allowed":false,"accepted_devices":[],"any_device_allowed":true,"accepted_capabilities":["thermostat"],"custom_redirect_url":null,"custom_redirect_failure_url":null,"custom_metadata":{},"automatically_manage_new_devices":true,"wait_for_device_creation":false}', 1796025673730000);
INSERT INTO connect_webviews VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e89b-79a9-bd08-f9f342b0f20e', '\x096b5349624c664338565ba6e675c171f31964c9dbb2872cb73bbaee9725ac591f5d58ad72d7d58c179ecaf5d11c97362bd7aa1cf07c723ac455cfc84a2d7a8338f677464a1867', NULL, 1796112073883000, 0, NULL, NULL, NULL, '01a22b78-e89b-79a9-bd08-f9f342b0f20e
thirty_three_lock
four_suites
akiles
akuvox
august
avigilon_alta
brivo
butterflymx
controlbyweb
doorking
dormakaba_oracode
dusaw
ecobee
first_alert
genie
nest
honeywell_resideo
igloo
igloohome
keyincode
keynest
kisi
kwikset
linear
lockly
minut
my_2n
noiseaware
nuki
omnitec
salto
salto_ks
salto_ks_accept
schlage
sensi
sifely
smartthings
tado
tedee
ttlock
ultraloq
wyze
yale', '{"connect_webview_id":"01a22b78-e89b-79a9-bd08-f9f342b0f20e","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","created_at":"2026-11-30T08:01:13.883Z","status":"pending","login_successful":false,"connected_account_id":null,"authorized_at":null,"selected_provider":null,"device_selection_mode":"none","accepted_providers":["thirty_three_lock","four_suites","akiles","akuvox","august","avigilon_alta","brivo","butterflymx","controlbyweb","doorking","dormakaba_oracode","dusaw","ecobee","first_alert","genie","nest","honeywell_resideo","igloo","igloohome","keyincode","keynest","kisi","kwikset","linear","lockly","minut","my_2n","noiseaware","nuki","omnitec","salto","salto_ks","salto_ks_accept","schlage","sensi","sifely","smartthings","tado","tedee","ttlock","ultraloq","wyze","yale"],"any_provider_allowed":true,"accepted_devices":[],"any_device_allowed":true,"accepted_capabilities":["lock","noise_sensor","thermostat"],"custom_redirect_url":null,"custom_redirect_failure_url":null,"custom_metadata":{},"automatically_manage_new_devices":true,"wait_for_device_creation":false}', 1796025673883000);
INSERT INTO connected_accounts VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7089-b163-086b9e88d992', 'sandbox', 'august', 'jane@example.com', NULL, NULL, 'jane@example.com
august
august
jane@example.com', '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","account_type":"august","account_type_display_name":"August","display_name":"jane@example.com","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E","user_identifier":{"email":"jane@example.com"},"created_at":"2026-11-30T08:01:13.712Z","automatically_manage_new_devices":true,"accepted_capabilities":[],"custom_metadata":{},"errors":[],"warnings":[]}', 1796025673712000);
INSERT INTO connected_accounts VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-7557-b4d9-541c78eaf528', 'sandbox', 'ecobee', 'jane@example.com', NULL, NULL, 'jane@example.com
ecobee
ecobee
jane@example.com', '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","account_type":"ecobee","account_type_display_name":"ecobee","display_name":"jane@example.com","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E","user_identifier":{"email":"jane@example.com"},"created_at":"2026-11-30T08:01:13.731Z","automatically_manage_new_devices":true,"accepted_capabilities":[],"custom_metadata":{},"errors":[],"warnings":[]}', 1796025673731000);
INSERT INTO credentials VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', 'personal_access_token', 'at1KrHBWH6p', 'kSIbLfC8V', '\x30fb9a7be1c93b4c0d7c9e0b6c825a925bbf9fb5b8a88bd3c386c43d0c70ed7f', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'first', '', 1796025671687897, 'command', 1827561671687897, NULL, NULL, NULL, 1796025673883546, '{"at":"2026-11-30T08:01:13.883Z","address":"127.0.0.1","user_agent":"Python-urllib/3.11","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","endpoint":"/connect_webviews/create"}', '{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, NULL, NULL, false, NULL, '["127.0.0.1"]', 8, '01a22b78-e008-715e-9926-13b1f2b33087');
INSERT INTO credentials VALUES ('01a22b78-e878-7e38-bbc9-de16dd6803e3', 'personal_access_token', 'at1N9qyZFhd', 'kSIbLfC8V', '\x89211a8885f7c5074073b3d312b3451a46686a03a9c13097b07008a1cd217821', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'live', '', 1796025673848778, 'console', 1827561673848778, NULL, NULL, NULL, 1796025673865948, '{"at":"2026-11-30T08:01:13.865Z","address":"127.0.0.1","user_agent":"Python-urllib/3.11","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","endpoint":"/devices/list"}', '{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, NULL, NULL, false, NULL, '["127.0.0.1"]', 2, '01a22b78-e878-7e38-bbc9-de16dd6803e3');
INSERT INTO credentials VALUES ('01a22b78-e87a-7bf0-87bd-09a3cc368a90', 'personal_access_token', 'at1avCSWGM5', 'kSIbLfC8V', '\xd7855b2bcb3d8310ea250be20d4ca382cc73195b18ed5aacbec56fe411b08326', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'limited', '', 1796025673850737, 'console', 1827561673850737, NULL, NULL, NULL, NULL, NULL, '{"scopes":["devices:read"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":["10.0.0.0/8"],"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, NULL, NULL, false, NULL, '[]', 0, '01a22b78-e87a-7bf0-87bd-09a3cc368a90');
INSERT INTO credentials VALUES ('01a22b78-e87c-748c-b84d-ec03c717b3ae', 'personal_access_token', 'at1JjpnNAz7', 'kSIbLfC8V', '\x8aebc93529ebc9d3742fc4f8c73513a5b4feafbbf6b2a52b2e4a46af718fb73e', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'revoked', '', 1796025673852266, 'console', 1827561673852266, 1796025673857353, '01a22b78-e006-7801-a867-fc6094e9ee9b', 'revoked', NULL, NULL, '{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, NULL, NULL, false, NULL, '[]', 0, '01a22b78-e87c-748c-b84d-ec03c717b3ae');
INSERT INTO credentials VALUES ('01a22b78-e87e-709e-9997-90503d2c0c9b', 'personal_access_token', 'at1FmpkZDp5', 'kSIbLfC8V', '\xf631199147d1b8118b74b19ffb2653161f3793f552a730429917e9e76280c73f', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'rotated', '', 1796025673854011, 'console', 1827561673854011, NULL, NULL, NULL, NULL, NULL, '{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, '01a22b78-e884-776d-91f8-0adcde9b978e', 1796025673860441, false, NULL, '[]', 0, '01a22b78-e87e-709e-9997-90503d2c0c9b');
INSERT INTO credentials VALUES ('01a22b78-e87f-7702-bcdb-66330c0ac4bd', 'personal_access_token', 'at1oZUtgGTw', 'kSIbLfC8V', '\xef4a9896d8cddfe413c2606865f565bb3bdea82c3bef03a307be2dd818cf1d7c', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'disabled', '', 1796025673855426, 'console', 1827561673855426, NULL, NULL, NULL, NULL, NULL, '{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, 1796025673858947, false, false, NULL, NULL, NULL, false, NULL, '[]', 0, '01a22b78-e87f-7702-bcdb-66330c0ac4bd');
INSERT INTO credentials VALUES ('01a22b78-e884-776d-91f8-0adcde9b978e', 'personal_access_token', 'at1LDVYeaDz', 'kSIbLfC8V', '\xae5f40c2e1f95ae40dc224af99a049b1a661826b29fd34dd39731221d584b53b', '01a22b78-e006-7801-a867-fc6094e9ee9b', NULL, NULL, 'rotated', '', 1796025673860441, 'console', 1827561673854011, NULL, NULL, NULL, NULL, NULL, '{"scopes":["*"],"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, '01a22b78-e87e-709e-9997-90503d2c0c9b', NULL, NULL, false, NULL, '[]', 0, '01a22b78-e87e-709e-9997-90503d2c0c9b');
INSERT INTO credentials VALUES ('01a22b78-e886-71ab-bbe9-13320c2ffaab', 'api_key', 'testdnSn', 'kSIbLfC8V', '\x7fe3e8fe81f395e6a2ea5706de4359f4242826d4ac2e73757b0be39a99282c0f', '01a22b78-e006-7801-a867-fc6094e9ee9b', '01a22b78-e006-7934-bdd8-fa2484f9e326', NULL, 'API key', '', 1796025673862073, 'console', NULL, NULL, NULL, NULL, NULL, NULL, '{"scopes":null,"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, NULL, NULL, false, NULL, '[]', 0, '01a22b78-e886-71ab-bbe9-13320c2ffaab');
INSERT INTO credentials VALUES ('01a22b78-e888-7200-ae32-547624630875', 'workspace_key', 'test8g9v', 'kSIbLfC8V', '\xde0430d4b9ddb4b80b68ba788856c66ffe9428cedc59060f29c0cfdb9830567a', NULL, '01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e878-7e38-bbc9-de16dd6803e3', 'live', '', 1796025673864120, 'token', NULL, NULL, NULL, NULL, NULL, NULL, '{"scopes":null,"workspace_ids":null,"sandbox_only":false,"allowed_cidrs":null,"device_ids":null,"daily_action_limit":null,"allowed_hours":null,"max_uses":null}', NULL, NULL, false, false, NULL, NULL, NULL, false, NULL, '[]', 0, '01a22b78-e888-7200-ae32-547624630875');
INSERT INTO device_memory VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'august', 'jane@example.com', 'e5d827e9-2ebd-8e89-8665-1ab0617dea6a', '\x096b5349624c66433856d61d5470a78338049c5f339e79dda78ec3d69ec218019ef46e372b6e38eb1c31eda10ecc7c40fe7b2e4a144857f21cdd846ef27ba11c61a43e84505902e220af8dfcb329378fa1f3e83b93703b65c31c34cb3afaf54bf8c84ddb1360683aced407b20ecc02753f8cac1df4c2aa0122');
INSERT INTO devices VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', 'e5d827e9-2ebd-8e89-8665-1ab0617dea6a', 'august_lock', 'august', 'front door', true, ',can_configure_auto_lock,can_program_online_access_codes,can_remotely_lock,can_remotely_unlock,can_simulate_connection,can_simulate_disconnection,can_simulate_hub_connection,can_simulate_hub_disconnection,can_simulate_removal,can_unlock_with_code,', NULL, NULL, 'front door
front door
august
12', '{"device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","device_type":"august_lock","display_name":"Front Door","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.712Z","is_managed":true,"capabilities_supported":["access_code","lock","battery"],"errors":[],"warnings":[],"custom_metadata":{"room":"12","vip":true},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"august","display_name":"August","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"august","display_name":"August","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"properties":{"accessory_keypad":{"battery":{"level":0.54},"is_connected":true},"appearance":{"name":"Front Door"},"august_metadata":{"has_keypad":true,"house_id":"4c86b5a9-24ee-8ac8-b242-fb762b10e055","house_name":"46 Hill View","keypad_battery_level":"Full","lock_id":"e5d827e9-2ebd-8e89-8665-1ab0617dea6a","lock_name":"Front Door","model":"XVTEQV"},"auto_lock_delay_seconds":210,"auto_lock_enabled":false,"backup_access_code_pool_enabled":false,"battery":{"level":0.62,"status":"good"},"battery_level":0.62,"code_constraints":[{"constraint_type":"name_must_be_unique"}],"door_open":false,"has_direct_power":false,"has_native_entry_events":true,"image_alt_text":"August smart lock","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M6,11h12v10H6zM9,11V7a3,3,0,0,1,6,0v4''/%3E%3C/svg%3E","keypad_battery":{"level":0.54},"locked":false,"manufacturer":"august","max_active_codes_supported":250,"model":{"accessory_keypad_supported":true,"can_connect_accessory_keypad":true,"display_name":"Smart Lock Pro (3rd Gen)","has_built_in_keypad":false,"manufacturer_display_name":"August","offline_access_codes_supported":false,"online_access_codes_supported":true},"name":"Front Door","offline_access_codes_enabled":false,"online":true,"online_access_codes_enabled":true,"serial_number":"GP8FEHNV8E","supported_code_lengths":[4,5,6],"supports_accessory_keypad":true,"supports_backup_access_code_pool":true,"supports_offline_access_codes":false},"can_configure_auto_lock":true,"can_program_online_access_codes":true,"can_remotely_lock":true,"can_remotely_unlock":true,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_simulate_hub_connection":true,"can_simulate_hub_disconnection":true,"can_simulate_removal":true,"can_unlock_with_code":true}', 1796025673712000);
INSERT INTO devices VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-72fe-bce2-5fa7085992ea', '01a22b78-e7f0-7089-b163-086b9e88d992', '55eb5df7-86bf-82a7-adf4-8e54b54dd8f5', 'august_lock', 'august', 'back door', true, ',can_simulate_connection,can_simulate_disconnection,can_simulate_hub_connection,can_simulate_hub_disconnection,can_simulate_removal,', NULL, NULL, 'back door
back door
august
', '{"device_id":"01a22b78-e7f1-72fe-bce2-5fa7085992ea","device_type":"august_lock","display_name":"Back Door","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","is_managed":true,"capabilities_supported":["access_code","lock","battery"],"errors":[{"error_code":"device_offline","message":"The device does not answer. Check its power and its network.","is_device_error":true,"created_at":"2026-11-27T05:00:00.000Z"}],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"august","display_name":"August","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"august","display_name":"August","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"properties":{"accessory_keypad":{"battery":{"level":0.95},"is_connected":true},"appearance":{"name":"Back Door"},"august_metadata":{"has_keypad":true,"house_id":"4c86b5a9-24ee-8ac8-b242-fb762b10e055","house_name":"46 Hill View","keypad_battery_level":"Full","lock_id":"55eb5df7-86bf-82a7-adf4-8e54b54dd8f5","lock_name":"Back Door","model":"A5A2YR"},"auto_lock_delay_seconds":30,"auto_lock_enabled":false,"backup_access_code_pool_enabled":false,"battery":{"level":1,"status":"full"},"battery_level":1,"code_constraints":[{"constraint_type":"name_must_be_unique"}],"door_open":false,"has_direct_power":false,"has_native_entry_events":true,"image_alt_text":"August smart lock","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M6,11h12v10H6zM9,11V7a3,3,0,0,1,6,0v4''/%3E%3C/svg%3E","keypad_battery":{"level":0.95},"locked":true,"manufacturer":"august","max_active_codes_supported":250,"model":{"accessory_keypad_supported":true,"can_connect_accessory_keypad":true,"display_name":"Wi-Fi Smart Lock (4th Gen)","has_built_in_keypad":false,"manufacturer_display_name":"August","offline_access_codes_supported":false,"online_access_codes_supported":true},"name":"Back Door","offline_access_codes_enabled":false,"online":false,"online_access_codes_enabled":false,"serial_number":"8MNHM2QQFS","supported_code_lengths":[4,5,6],"supports_accessory_keypad":true,"supports_backup_access_code_pool":true,"supports_offline_access_codes":false},"can_configure_auto_lock":false,"can_program_online_access_codes":false,"can_remotely_lock":false,"can_remotely_unlock":false,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_simulate_hub_connection":true,"can_simulate_hub_disconnection":true,"can_simulate_removal":true,"can_unlock_with_code":false}', 1796025673713000);
INSERT INTO devices VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', '73fd233c-3efb-87af-8e7f-871b4ec5e1ec', 'august_lock', 'august', 'garage', true, ',can_configure_auto_lock,can_program_online_access_codes,can_remotely_lock,can_remotely_unlock,can_simulate_connection,can_simulate_disconnection,can_simulate_hub_connection,can_simulate_hub_disconnection,can_simulate_removal,can_unlock_with_code,', NULL, NULL, 'garage
garage
august
', '{"device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","device_type":"august_lock","display_name":"Garage","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","is_managed":true,"capabilities_supported":["access_code","lock","battery"],"errors":[],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"august","display_name":"August","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"august","display_name":"August","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"properties":{"accessory_keypad":{"battery":{"level":0.51},"is_connected":true},"appearance":{"name":"Garage"},"august_metadata":{"has_keypad":true,"house_id":"4c86b5a9-24ee-8ac8-b242-fb762b10e055","house_name":"46 Hill View","keypad_battery_level":"Full","lock_id":"73fd233c-3efb-87af-8e7f-871b4ec5e1ec","lock_name":"Garage","model":"BHT6LA"},"auto_lock_delay_seconds":300,"auto_lock_enabled":true,"backup_access_code_pool_enabled":false,"battery":{"level":0.18,"status":"low"},"battery_level":0.18,"code_constraints":[{"constraint_type":"name_must_be_unique"}],"door_open":false,"has_direct_power":false,"has_native_entry_events":true,"image_alt_text":"August smart lock","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M6,11h12v10H6zM9,11V7a3,3,0,0,1,6,0v4''/%3E%3C/svg%3E","keypad_battery":{"level":0.51},"locked":true,"manufacturer":"august","max_active_codes_supported":250,"model":{"accessory_keypad_supported":true,"can_connect_accessory_keypad":true,"display_name":"Smart Lock Pro (3rd Gen)","has_built_in_keypad":false,"manufacturer_display_name":"August","offline_access_codes_supported":false,"online_access_codes_supported":true},"name":"Garage","offline_access_codes_enabled":false,"online":true,"online_access_codes_enabled":true,"serial_number":"YGC6AW0R6S","supported_code_lengths":[4,5,6],"supports_accessory_keypad":true,"supports_backup_access_code_pool":true,"supports_offline_access_codes":false},"can_configure_auto_lock":true,"can_program_online_access_codes":true,"can_remotely_lock":true,"can_remotely_unlock":true,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_simulate_hub_connection":true,"can_simulate_hub_disconnection":true,"can_simulate_removal":true,"can_unlock_with_code":true}', 1796025673713000);
INSERT INTO devices VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-7abf-895a-1f24423fbe25', '01a22b78-e7f0-7089-b163-086b9e88d992', '35b0df15-a68a-86be-995c-0716a7dc14b5', 'august_lock', 'august', 'side gate', true, ',can_configure_auto_lock,can_remotely_lock,can_remotely_unlock,can_simulate_connection,can_simulate_disconnection,can_simulate_hub_connection,can_simulate_hub_disconnection,can_simulate_removal,', NULL, NULL, 'side gate
side gate
august
', '{"device_id":"01a22b78-e7f1-7abf-895a-1f24423fbe25","device_type":"august_lock","display_name":"Side Gate","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","is_managed":true,"capabilities_supported":["access_code","lock","battery"],"errors":[],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"august","display_name":"August","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"august","display_name":"August","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"properties":{"accessory_keypad":{"is_connected":false},"appearance":{"name":"Side Gate"},"august_metadata":{"has_keypad":false,"house_id":"4c86b5a9-24ee-8ac8-b242-fb762b10e055","house_name":"46 Hill View","lock_id":"35b0df15-a68a-86be-995c-0716a7dc14b5","lock_name":"Side Gate","model":"VALG0B"},"auto_lock_delay_seconds":90,"auto_lock_enabled":true,"backup_access_code_pool_enabled":false,"battery":{"level":0.59,"status":"good"},"battery_level":0.59,"code_constraints":[{"constraint_type":"name_must_be_unique"}],"door_open":false,"has_direct_power":false,"has_native_entry_events":true,"image_alt_text":"August smart lock","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M6,11h12v10H6zM9,11V7a3,3,0,0,1,6,0v4''/%3E%3C/svg%3E","locked":false,"manufacturer":"august","max_active_codes_supported":250,"model":{"accessory_keypad_supported":true,"can_connect_accessory_keypad":true,"display_name":"Wi-Fi Smart Lock (4th Gen)","has_built_in_keypad":false,"manufacturer_display_name":"August","offline_access_codes_supported":false,"online_access_codes_supported":true},"name":"Side Gate","offline_access_codes_enabled":false,"online":true,"online_access_codes_enabled":false,"serial_number":"F783Y43KWK","supported_code_lengths":[4,5,6],"supports_accessory_keypad":true,"supports_backup_access_code_pool":true,"supports_offline_access_codes":false},"can_configure_auto_lock":true,"can_program_online_access_codes":false,"can_remotely_lock":true,"can_remotely_unlock":true,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_simulate_hub_connection":true,"can_simulate_hub_disconnection":true,"can_simulate_removal":true,"can_unlock_with_code":false}', 1796025673713000);
INSERT INTO devices VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f2-7163-be69-d0ff23bbbfa2', '01a22b78-e7f0-7089-b163-086b9e88d992', '30ea2ddb-f0d9-8e6e-a446-2f92df7edf36', 'august_lock', 'august', 'guest house', true, ',can_simulate_connection,can_simulate_disconnection,can_simulate_hub_connection,can_simulate_hub_disconnection,can_simulate_removal,', NULL, NULL, 'guest house
guest house
august
', '{"device_id":"01a22b78-e7f2-7163-be69-d0ff23bbbfa2","device_type":"august_lock","display_name":"Guest House","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.714Z","is_managed":true,"capabilities_supported":["access_code","lock","battery"],"errors":[{"error_code":"hub_disconnected","message":"The hub that the device is reached through does not answer.","is_device_error":true,"created_at":"2026-11-28T02:00:00.000Z"}],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"august","display_name":"August","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"august","display_name":"August","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%232f5d50''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EA%3C/text%3E%3C/svg%3E"},"properties":{"accessory_keypad":{"battery":{"level":0.83},"is_connected":true},"appearance":{"name":"Guest House"},"august_metadata":{"has_keypad":true,"house_id":"4c86b5a9-24ee-8ac8-b242-fb762b10e055","house_name":"46 Hill View","keypad_battery_level":"Full","lock_id":"30ea2ddb-f0d9-8e6e-a446-2f92df7edf36","lock_name":"Guest House","model":"K22WE9"},"auto_lock_delay_seconds":240,"auto_lock_enabled":false,"backup_access_code_pool_enabled":false,"battery":{"level":0.5,"status":"good"},"battery_level":0.5,"code_constraints":[{"constraint_type":"name_must_be_unique"}],"door_open":true,"has_direct_power":false,"has_native_entry_events":true,"image_alt_text":"August smart lock","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M6,11h12v10H6zM9,11V7a3,3,0,0,1,6,0v4''/%3E%3C/svg%3E","keypad_battery":{"level":0.83},"locked":false,"manufacturer":"august","max_active_codes_supported":250,"model":{"accessory_keypad_supported":true,"can_connect_accessory_keypad":true,"display_name":"Wi-Fi Smart Lock (4th Gen)","has_built_in_keypad":false,"manufacturer_display_name":"August","offline_access_codes_supported":false,"online_access_codes_supported":true},"name":"Guest House","offline_access_codes_enabled":false,"online":false,"online_access_codes_enabled":false,"serial_number":"MA31M2RW69","supported_code_lengths":[4,5,6],"supports_accessory_keypad":true,"supports_backup_access_code_pool":true,"supports_offline_access_codes":false},"can_configure_auto_lock":false,"can_program_online_access_codes":false,"can_remotely_lock":false,"can_remotely_unlock":false,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_simulate_hub_connection":true,"can_simulate_hub_disconnection":true,"can_simulate_removal":true,"can_unlock_with_code":false}', 1796025673714000);
INSERT INTO devices VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-7958-973a-7bf9245cb086', '01a22b78-e803-7557-b4d9-541c78eaf528', 'd768ba6b-2332-8436-8008-89d81c4cd3be', 'ecobee_thermostat', 'ecobee', 'living room', true, ',can_hvac_cool,can_hvac_heat,can_hvac_heat_cool,can_program_thermostat_programs_as_different_each_day,can_run_thermostat_programs,can_simulate_connection,can_simulate_disconnection,can_turn_off_hvac,', NULL, NULL, 'living room
living room
ecobee
', '{"device_id":"01a22b78-e803-7958-973a-7bf9245cb086","device_type":"ecobee_thermostat","display_name":"Living Room","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","is_managed":true,"capabilities_supported":["thermostat"],"errors":[],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"ecobee","display_name":"ecobee","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"ecobee","display_name":"ecobee","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"properties":{"active_thermostat_schedule":null,"active_thermostat_schedule_id":null,"appearance":{"name":"Living Room"},"available_climate_preset_modes":["home","away","sleep"],"available_climate_presets":[{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","cooling_set_point_celsius":23.89,"cooling_set_point_fahrenheit":75,"display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat_cool","manual_override_allowed":true,"name":"Home"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"away","climate_preset_mode":"away","cooling_set_point_celsius":27.78,"cooling_set_point_fahrenheit":82,"display_name":"Away","ecobee_metadata":{"climate_ref":"away","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":16.67,"heating_set_point_fahrenheit":62,"hvac_mode_setting":"heat_cool","manual_override_allowed":true,"name":"Away"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"sleep","climate_preset_mode":"sleep","cooling_set_point_celsius":25.56,"cooling_set_point_fahrenheit":78,"display_name":"Sleep","ecobee_metadata":{"climate_ref":"sleep","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":18.89,"heating_set_point_fahrenheit":66,"hvac_mode_setting":"heat_cool","manual_override_allowed":true,"name":"Sleep"}],"available_fan_mode_settings":["auto","on"],"available_hvac_mode_settings":["off","heat","cool","heat_cool"],"current_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","cooling_set_point_celsius":23.89,"cooling_set_point_fahrenheit":75,"display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat_cool","manual_override_allowed":true,"name":"Home"},"default_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","cooling_set_point_celsius":23.89,"cooling_set_point_fahrenheit":75,"display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat_cool","manual_override_allowed":true,"name":"Home"},"ecobee_metadata":{"device_name":"Living Room","ecobee_device_id":"d768ba6b-2332-8436-8008-89d81c4cd3be"},"fallback_climate_preset_key":null,"fan_mode_setting":"auto","has_direct_power":true,"image_alt_text":"ecobee thermostat","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M10,14V5a2,2,0,0,1,4,0v9a4,4,0,1,1-4,0z''/%3E%3C/svg%3E","is_cooling":false,"is_fan_running":false,"is_heating":false,"is_temporary_manual_override_active":false,"manufacturer":"ecobee","max_cooling_set_point_celsius":33.33,"max_cooling_set_point_fahrenheit":92,"max_heating_set_point_celsius":26.67,"max_heating_set_point_fahrenheit":80,"max_thermostat_daily_program_periods_per_day":48,"max_unique_climate_presets_per_thermostat_weekly_program":48,"min_cooling_set_point_celsius":15.56,"min_cooling_set_point_fahrenheit":60,"min_heating_cooling_delta_celsius":2.78,"min_heating_cooling_delta_fahrenheit":5,"min_heating_set_point_celsius":7.22,"min_heating_set_point_fahrenheit":45,"model":{"display_name":"ecobee3 lite","manufacturer_display_name":"ecobee"},"name":"Living Room","online":true,"relative_humidity":0.48,"serial_number":"NPAVFFNJ7CMD","temperature_celsius":23.33,"temperature_fahrenheit":74,"temperature_threshold":{"lower_limit_celsius":null,"lower_limit_fahrenheit":null,"upper_limit_celsius":null,"upper_limit_fahrenheit":null},"thermostat_daily_program_period_precision_minutes":30,"thermostat_daily_programs":[],"thermostat_weekly_program":null},"can_hvac_cool":true,"can_hvac_heat":true,"can_hvac_heat_cool":true,"can_program_thermostat_programs_as_different_each_day":true,"can_run_thermostat_programs":true,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_turn_off_hvac":true}', 1796025673731000);
INSERT INTO devices VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-7e47-a336-52a8fb775bfe', '01a22b78-e803-7557-b4d9-541c78eaf528', '19ebaf32-65fc-87ac-a063-4ebd7d6980c1', 'ecobee_thermostat', 'ecobee', 'bedroom', true, ',can_simulate_connection,can_simulate_disconnection,', NULL, NULL, 'bedroom
bedroom
ecobee
', '{"device_id":"01a22b78-e803-7e47-a336-52a8fb775bfe","device_type":"ecobee_thermostat","display_name":"Bedroom","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","is_managed":true,"capabilities_supported":["thermostat"],"errors":[{"error_code":"device_disconnected","message":"The device lost its connection. Check its power and its network.","is_device_error":true,"created_at":"2026-11-29T20:00:00.000Z"}],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"ecobee","display_name":"ecobee","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"ecobee","display_name":"ecobee","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"properties":{"active_thermostat_schedule":null,"active_thermostat_schedule_id":null,"appearance":{"name":"Bedroom"},"available_climate_preset_modes":["home","away","sleep"],"available_climate_presets":[{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"away","climate_preset_mode":"away","display_name":"Away","ecobee_metadata":{"climate_ref":"away","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":16.67,"heating_set_point_fahrenheit":62,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Away"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"sleep","climate_preset_mode":"sleep","display_name":"Sleep","ecobee_metadata":{"climate_ref":"sleep","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":18.89,"heating_set_point_fahrenheit":66,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Sleep"}],"available_fan_mode_settings":["auto","on"],"available_hvac_mode_settings":["off","heat","cool","heat_cool"],"current_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},"default_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},"ecobee_metadata":{"device_name":"Bedroom","ecobee_device_id":"19ebaf32-65fc-87ac-a063-4ebd7d6980c1"},"fallback_climate_preset_key":null,"fan_mode_setting":"auto","has_direct_power":true,"image_alt_text":"ecobee thermostat","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M10,14V5a2,2,0,0,1,4,0v9a4,4,0,1,1-4,0z''/%3E%3C/svg%3E","is_cooling":false,"is_fan_running":false,"is_heating":false,"is_temporary_manual_override_active":false,"manufacturer":"ecobee","max_cooling_set_point_celsius":33.33,"max_cooling_set_point_fahrenheit":92,"max_heating_set_point_celsius":26.67,"max_heating_set_point_fahrenheit":80,"max_thermostat_daily_program_periods_per_day":48,"max_unique_climate_presets_per_thermostat_weekly_program":48,"min_cooling_set_point_celsius":15.56,"min_cooling_set_point_fahrenheit":60,"min_heating_cooling_delta_celsius":2.78,"min_heating_cooling_delta_fahrenheit":5,"min_heating_set_point_celsius":7.22,"min_heating_set_point_fahrenheit":45,"model":{"display_name":"ecobee3 lite","manufacturer_display_name":"ecobee"},"name":"Bedroom","online":false,"relative_humidity":0.36,"serial_number":"93ND8DBMHB70","temperature_celsius":19.72,"temperature_fahrenheit":67.5,"temperature_threshold":{"lower_limit_celsius":null,"lower_limit_fahrenheit":null,"upper_limit_celsius":null,"upper_limit_fahrenheit":null},"thermostat_daily_program_period_precision_minutes":30,"thermostat_daily_programs":[],"thermostat_weekly_program":null},"can_hvac_cool":false,"can_hvac_heat":false,"can_hvac_heat_cool":false,"can_program_thermostat_programs_as_different_each_day":false,"can_run_thermostat_programs":false,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_turn_off_hvac":false}', 1796025673731000);
INSERT INTO devices VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7350-bf5e-c4ea8f268992', '01a22b78-e803-7557-b4d9-541c78eaf528', '7593eca1-0b90-8aa7-98f2-6a2adca83707', 'ecobee_thermostat', 'ecobee', 'upstairs', true, ',can_hvac_cool,can_hvac_heat,can_hvac_heat_cool,can_program_thermostat_programs_as_different_each_day,can_run_thermostat_programs,can_simulate_connection,can_simulate_disconnection,can_turn_off_hvac,', NULL, NULL, 'upstairs
upstairs
ecobee
', '{"device_id":"01a22b78-e804-7350-bf5e-c4ea8f268992","device_type":"ecobee_thermostat","display_name":"Upstairs","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","is_managed":true,"capabilities_supported":["thermostat"],"errors":[],"warnings":[{"warning_code":"temperature_threshold_exceeded","message":"The temperature is outside the limits that were set.","created_at":"2026-11-27T22:00:00.000Z"}],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"ecobee","display_name":"ecobee","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"ecobee","display_name":"ecobee","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"properties":{"active_thermostat_schedule":null,"active_thermostat_schedule_id":null,"appearance":{"name":"Upstairs"},"available_climate_preset_modes":["home","away","sleep"],"available_climate_presets":[{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"away","climate_preset_mode":"away","display_name":"Away","ecobee_metadata":{"climate_ref":"away","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":16.67,"heating_set_point_fahrenheit":62,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Away"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"sleep","climate_preset_mode":"sleep","display_name":"Sleep","ecobee_metadata":{"climate_ref":"sleep","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":18.89,"heating_set_point_fahrenheit":66,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Sleep"}],"available_fan_mode_settings":["auto","on"],"available_hvac_mode_settings":["off","heat","cool","heat_cool"],"current_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},"default_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},"ecobee_metadata":{"device_name":"Upstairs","ecobee_device_id":"7593eca1-0b90-8aa7-98f2-6a2adca83707"},"fallback_climate_preset_key":null,"fan_mode_setting":"auto","has_direct_power":true,"image_alt_text":"ecobee thermostat","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M10,14V5a2,2,0,0,1,4,0v9a4,4,0,1,1-4,0z''/%3E%3C/svg%3E","is_cooling":false,"is_fan_running":false,"is_heating":false,"is_temporary_manual_override_active":false,"manufacturer":"ecobee","max_cooling_set_point_celsius":33.33,"max_cooling_set_point_fahrenheit":92,"max_heating_set_point_celsius":26.67,"max_heating_set_point_fahrenheit":80,"max_thermostat_daily_program_periods_per_day":48,"max_unique_climate_presets_per_thermostat_weekly_program":48,"min_cooling_set_point_celsius":15.56,"min_cooling_set_point_fahrenheit":60,"min_heating_cooling_delta_celsius":2.78,"min_heating_cooling_delta_fahrenheit":5,"min_heating_set_point_celsius":7.22,"min_heating_set_point_fahrenheit":45,"model":{"display_name":"ecobee3 lite","manufacturer_display_name":"ecobee"},"name":"Upstairs","online":true,"relative_humidity":0.32,"serial_number":"6B8YMASQ7HEK","temperature_celsius":25.28,"temperature_fahrenheit":77.5,"temperature_threshold":{"lower_limit_celsius":21.11,"lower_limit_fahrenheit":70,"upper_limit_celsius":23.89,"upper_limit_fahrenheit":75},"thermostat_daily_program_period_precision_minutes":30,"thermostat_daily_programs":[],"thermostat_weekly_program":null},"can_hvac_cool":true,"can_hvac_heat":true,"can_hvac_heat_cool":true,"can_program_thermostat_programs_as_different_each_day":true,"can_run_thermostat_programs":true,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_turn_off_hvac":true}', 1796025673732000);
INSERT INTO devices VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7846-b5c9-bc29889c75b4', '01a22b78-e803-7557-b4d9-541c78eaf528', '116d2bba-664a-86c1-a49b-f5269dde1315', 'ecobee_thermostat', 'ecobee', 'hallway', true, ',can_hvac_cool,can_hvac_heat,can_hvac_heat_cool,can_program_thermostat_programs_as_different_each_day,can_run_thermostat_programs,can_simulate_connection,can_simulate_disconnection,can_turn_off_hvac,', NULL, NULL, 'hallway
hallway
ecobee
', '{"device_id":"01a22b78-e804-7846-b5c9-bc29889c75b4","device_type":"ecobee_thermostat","display_name":"Hallway","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","is_managed":true,"capabilities_supported":["thermostat"],"errors":[{"error_code":"auxiliary_heat_running","message":"The auxiliary heat is running; the main system may not heat enough.","is_device_error":true,"created_at":"2026-11-28T01:00:00.000Z"}],"warnings":[],"custom_metadata":{},"space_ids":[],"location":{"time_zone":"America/Los_Angeles","timezone":"America/Los_Angeles"},"device_manufacturer":{"manufacturer":"ecobee","display_name":"ecobee","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"device_provider":{"device_provider_name":"ecobee","display_name":"ecobee","provider_category":"stable","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%3E%3Crect%20width=''24''%20height=''24''%20rx=''5''%20fill=''%23245a6b''/%3E%3Ctext%20x=''12''%20y=''17''%20font-size=''14''%20font-family=''sans-serif''%20text-anchor=''middle''%20fill=''%23fff''%3EE%3C/text%3E%3C/svg%3E"},"properties":{"active_thermostat_schedule":null,"active_thermostat_schedule_id":null,"appearance":{"name":"Hallway"},"available_climate_preset_modes":["home","away","sleep"],"available_climate_presets":[{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"away","climate_preset_mode":"away","display_name":"Away","ecobee_metadata":{"climate_ref":"away","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":16.67,"heating_set_point_fahrenheit":62,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Away"},{"can_delete":true,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"sleep","climate_preset_mode":"sleep","display_name":"Sleep","ecobee_metadata":{"climate_ref":"sleep","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":18.89,"heating_set_point_fahrenheit":66,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Sleep"}],"available_fan_mode_settings":["auto","on"],"available_hvac_mode_settings":["off","heat","cool","heat_cool"],"current_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},"default_climate_setting":{"can_delete":false,"can_edit":true,"can_use_with_thermostat_daily_programs":true,"climate_preset_key":"home","climate_preset_mode":"home","display_name":"Home","ecobee_metadata":{"climate_ref":"home","is_optimized":false,"owner":"system"},"fan_mode_setting":"auto","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,"hvac_mode_setting":"heat","manual_override_allowed":true,"name":"Home"},"ecobee_metadata":{"device_name":"Hallway","ecobee_device_id":"116d2bba-664a-86c1-a49b-f5269dde1315"},"fallback_climate_preset_key":null,"fan_mode_setting":"auto","has_direct_power":true,"image_alt_text":"ecobee thermostat","image_url":"data:image/svg+xml,%3Csvg%20xmlns=''http://www.w3.org/2000/svg''%20viewBox=''0,0,24,24''%20fill=''none''%20stroke=''%23567''%20stroke-width=''2''%20stroke-linecap=''round''%3E%3Cpath%20d=''M10,14V5a2,2,0,0,1,4,0v9a4,4,0,1,1-4,0z''/%3E%3C/svg%3E","is_cooling":false,"is_fan_running":true,"is_heating":true,"is_temporary_manual_override_active":false,"manufacturer":"ecobee","max_cooling_set_point_celsius":33.33,"max_cooling_set_point_fahrenheit":92,"max_heating_set_point_celsius":26.67,"max_heating_set_point_fahrenheit":80,"max_thermostat_daily_program_periods_per_day":48,"max_unique_climate_presets_per_thermostat_weekly_program":48,"min_cooling_set_point_celsius":15.56,"min_cooling_set_point_fahrenheit":60,"min_heating_cooling_delta_celsius":2.78,"min_heating_cooling_delta_fahrenheit":5,"min_heating_set_point_celsius":7.22,"min_heating_set_point_fahrenheit":45,"model":{"display_name":"ecobee3 lite","manufacturer_display_name":"ecobee"},"name":"Hallway","online":true,"relative_humidity":0.53,"serial_number":"442MCDD70KSQ","temperature_celsius":24.44,"temperature_fahrenheit":76,"temperature_threshold":{"lower_limit_celsius":null,"lower_limit_fahrenheit":null,"upper_limit_celsius":null,"upper_limit_fahrenheit":null},"thermostat_daily_program_period_precision_minutes":30,"thermostat_daily_programs":[],"thermostat_weekly_program":null},"can_hvac_cool":true,"can_hvac_heat":true,"can_hvac_heat_cool":true,"can_program_thermostat_programs_as_different_each_day":true,"can_run_thermostat_programs":true,"can_simulate_connection":true,"can_simulate_disconnection":true,"can_turn_off_hvac":true}', 1796025673732000);
INSERT INTO event_heads VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 22);
INSERT INTO event_heads VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', 12);
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'connect_webview_id', '01a22b78-e7ee-78e7-b70a-c512d1d9cef0', 1796025673712192, '01a22b78-e7f0-7457-a270-64c387ebaae1', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'connect_webview_id', '01a22b78-e7ee-78e7-b70a-c512d1d9cef0', 1796025673712192, '01a22b78-e7f0-7534-91e0-34c7f023671d', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'connect_webview_id', '01a22b78-e7ee-78e7-b70a-c512d1d9cef0', 1796025673712193, '01a22b78-e7f0-7562-83e1-941fb939074d', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'connect_webview_id', '01a22b78-e7ee-78e7-b70a-c512d1d9cef0', 1796025673714774, '01a22b78-e7f2-7c41-9125-8c755543daa5', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e7fd-78fd-8df4-ce4725adeaf4', 1796025673725406, '01a22b78-e7fe-7156-a57a-17e82f2f11cf', '{"type":"external"}');
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e7fd-7910-b2bc-51b8a8c950c1', 1796025673725406, '01a22b78-e7fe-71e3-bf1d-1ec687baa02f', '{"type":"external"}');
INSERT INTO event_refs VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', 'connect_webview_id', '01a22b78-e802-73cf-b429-866fabb95dd5', 1796025673731396, '01a22b78-e803-768c-8c39-89e2a70952bd', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', 'connect_webview_id', '01a22b78-e802-73cf-b429-866fabb95dd5', 1796025673731397, '01a22b78-e803-76ee-9f2f-c65035543001', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', 'connect_webview_id', '01a22b78-e802-73cf-b429-866fabb95dd5', 1796025673731397, '01a22b78-e803-774e-af93-ab6235ff8af6', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', 'connect_webview_id', '01a22b78-e802-73cf-b429-866fabb95dd5', 1796025673733007, '01a22b78-e805-7064-a67b-11f7b40390d6', NULL);
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e88e-7f12-ae8a-bae21d60a687', 1796025673870928, '01a22b78-e88f-73b0-a46e-61d22e42c0a3', '{"type":"console_user","id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}');
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e88e-7f12-ae8a-bae21d60a687', 1796025673870928, '01a22b78-e88f-73fe-b1cc-d02145ac2db3', '{"type":"console_user","id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}');
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e892-717d-8712-0ee2d1280c11', 1796025673874078, '01a22b78-e892-72f6-a083-3687b5c86e71', '{"type":"console_user","id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}');
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e892-717d-8712-0ee2d1280c11', 1796025673874078, '01a22b78-e892-732e-86f9-13172fb0b66b', '{"type":"console_user","id":"01a22b78-e006-7801-a867-fc6094e9ee9b"}');
INSERT INTO event_refs VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'access_code_id', '01a22b78-e892-717d-8712-0ee2d1280c11', 1796025673877223, '01a22b78-e895-7651-85e3-c9f01dae0fa6', '{"type":"system"}');
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7457-a270-64c387ebaae1', 'connected_account.created', 1796025673712192, NULL, '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connect_webview_id":"01a22b78-e7ee-78e7-b70a-c512d1d9cef0","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.712Z","event_id":"01a22b78-e7f0-7457-a270-64c387ebaae1","event_type":"connected_account.created","occurred_at":"2026-11-30T08:01:13.712Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673712194, NULL, 1);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7534-91e0-34c7f023671d', 'connected_account.connected', 1796025673712192, NULL, '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connect_webview_id":"01a22b78-e7ee-78e7-b70a-c512d1d9cef0","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.712Z","event_id":"01a22b78-e7f0-7534-91e0-34c7f023671d","event_type":"connected_account.connected","occurred_at":"2026-11-30T08:01:13.712Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673712194, NULL, 2);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7562-83e1-941fb939074d', 'connected_account.successful_login', 1796025673712193, NULL, '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connect_webview_id":"01a22b78-e7ee-78e7-b70a-c512d1d9cef0","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.712Z","event_id":"01a22b78-e7f0-7562-83e1-941fb939074d","event_type":"connected_account.successful_login","occurred_at":"2026-11-30T08:01:13.712Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673712194, NULL, 3);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-7165-aee4-14621f4fdbd7', 'device.added', 1796025673712716, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e7f1-7165-aee4-14621f4fdbd7","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.712Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713062, NULL, 4);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-7198-9ec3-22f82b85d949', 'device.connected', 1796025673712716, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e7f1-7198-9ec3-22f82b85d949","event_type":"device.connected","occurred_at":"2026-11-30T08:01:13.712Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713062, NULL, 5);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-7528-bae0-1895a9ef5cb2', 'device.added', 1796025673713195, '01a22b78-e7f1-72fe-bce2-5fa7085992ea', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f1-72fe-bce2-5fa7085992ea","event_id":"01a22b78-e7f1-7528-bae0-1895a9ef5cb2","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.713Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713315, NULL, 6);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-78bb-a250-edcd5dc7a3ac', 'device.added', 1796025673713391, '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","event_id":"01a22b78-e7f1-78bb-a250-edcd5dc7a3ac","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.713Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713481, NULL, 7);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-78f6-9451-924863325b38', 'device.connected', 1796025673713391, '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","event_id":"01a22b78-e7f1-78f6-9451-924863325b38","event_type":"device.connected","occurred_at":"2026-11-30T08:01:13.713Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713481, NULL, 8);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-7ebd-acbe-e372d2c573dd', 'device.added', 1796025673713693, '01a22b78-e7f1-7abf-895a-1f24423fbe25', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f1-7abf-895a-1f24423fbe25","event_id":"01a22b78-e7f1-7ebd-acbe-e372d2c573dd","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.713Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713883, NULL, 9);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f1-7ef8-b4d9-6f29c090c9b2', 'device.connected', 1796025673713693, '01a22b78-e7f1-7abf-895a-1f24423fbe25', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.713Z","device_id":"01a22b78-e7f1-7abf-895a-1f24423fbe25","event_id":"01a22b78-e7f1-7ef8-b4d9-6f29c090c9b2","event_type":"device.connected","occurred_at":"2026-11-30T08:01:13.713Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673713883, NULL, 10);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f2-747d-85f9-0923b751b229', 'device.added', 1796025673714090, '01a22b78-e7f2-7163-be69-d0ff23bbbfa2', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.714Z","device_id":"01a22b78-e7f2-7163-be69-d0ff23bbbfa2","event_id":"01a22b78-e7f2-747d-85f9-0923b751b229","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.714Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673714272, NULL, 11);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f2-7613-9892-344ea5b43d49', 'connected_account.completed_first_sync', 1796025673714367, NULL, '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.714Z","event_id":"01a22b78-e7f2-7613-9892-344ea5b43d49","event_type":"connected_account.completed_first_sync","occurred_at":"2026-11-30T08:01:13.714Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673714368, NULL, 12);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f2-7c41-9125-8c755543daa5', 'connect_webview.login_succeeded', 1796025673714774, NULL, '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"connect_webview_id":"01a22b78-e7ee-78e7-b70a-c512d1d9cef0","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.714Z","event_id":"01a22b78-e7f2-7c41-9125-8c755543daa5","event_type":"connect_webview.login_succeeded","occurred_at":"2026-11-30T08:01:13.714Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673714775, NULL, 13);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7fe-7156-a57a-17e82f2f11cf', 'access_code.unmanaged.created', 1796025673725406, '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e7fd-78fd-8df4-ce4725adeaf4","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.726Z","device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","event_id":"01a22b78-e7fe-7156-a57a-17e82f2f11cf","event_type":"access_code.unmanaged.created","occurred_at":"2026-11-30T08:01:13.725Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673726035, NULL, 14);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7fe-71e3-bf1d-1ec687baa02f', 'access_code.unmanaged.created', 1796025673725406, '01a22b78-e7f1-75fa-9b05-0a59aec40b5c', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e7fd-7910-b2bc-51b8a8c950c1","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.726Z","device_id":"01a22b78-e7f1-75fa-9b05-0a59aec40b5c","event_id":"01a22b78-e7fe-71e3-bf1d-1ec687baa02f","event_type":"access_code.unmanaged.created","occurred_at":"2026-11-30T08:01:13.725Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673726035, NULL, 15);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-768c-8c39-89e2a70952bd', 'connected_account.created', 1796025673731396, NULL, '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connect_webview_id":"01a22b78-e802-73cf-b429-866fabb95dd5","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","event_id":"01a22b78-e803-768c-8c39-89e2a70952bd","event_type":"connected_account.created","occurred_at":"2026-11-30T08:01:13.731Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673731400, NULL, 1);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-76ee-9f2f-c65035543001', 'connected_account.connected', 1796025673731397, NULL, '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connect_webview_id":"01a22b78-e802-73cf-b429-866fabb95dd5","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","event_id":"01a22b78-e803-76ee-9f2f-c65035543001","event_type":"connected_account.connected","occurred_at":"2026-11-30T08:01:13.731Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673731400, NULL, 2);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-774e-af93-ab6235ff8af6', 'connected_account.successful_login', 1796025673731397, NULL, '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connect_webview_id":"01a22b78-e802-73cf-b429-866fabb95dd5","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","event_id":"01a22b78-e803-774e-af93-ab6235ff8af6","event_type":"connected_account.successful_login","occurred_at":"2026-11-30T08:01:13.731Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673731400, NULL, 3);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-7cff-8127-48e256259e70', 'device.added', 1796025673731611, '01a22b78-e803-7958-973a-7bf9245cb086', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","device_id":"01a22b78-e803-7958-973a-7bf9245cb086","event_id":"01a22b78-e803-7cff-8127-48e256259e70","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.731Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673731829, NULL, 4);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e803-7d3a-93f4-58b5a596ae86', 'device.connected', 1796025673731611, '01a22b78-e803-7958-973a-7bf9245cb086', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.731Z","device_id":"01a22b78-e803-7958-973a-7bf9245cb086","event_id":"01a22b78-e803-7d3a-93f4-58b5a596ae86","event_type":"device.connected","occurred_at":"2026-11-30T08:01:13.731Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673731829, NULL, 5);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7293-9f28-2e92cba90d68', 'device.added', 1796025673731935, '01a22b78-e803-7e47-a336-52a8fb775bfe', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","device_id":"01a22b78-e803-7e47-a336-52a8fb775bfe","event_id":"01a22b78-e804-7293-9f28-2e92cba90d68","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.731Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673732133, NULL, 6);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7668-94d7-82947cf4ffa3', 'device.added', 1796025673732216, '01a22b78-e804-7350-bf5e-c4ea8f268992', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","device_id":"01a22b78-e804-7350-bf5e-c4ea8f268992","event_id":"01a22b78-e804-7668-94d7-82947cf4ffa3","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.732Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673732401, NULL, 7);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-769e-a5e3-43b0bdd23864', 'device.connected', 1796025673732216, '01a22b78-e804-7350-bf5e-c4ea8f268992', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","device_id":"01a22b78-e804-7350-bf5e-c4ea8f268992","event_id":"01a22b78-e804-769e-a5e3-43b0bdd23864","event_type":"device.connected","occurred_at":"2026-11-30T08:01:13.732Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673732401, NULL, 8);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7b6c-b67f-d9311c64e5e9', 'device.added', 1796025673732541, '01a22b78-e804-7846-b5c9-bc29889c75b4', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","device_id":"01a22b78-e804-7846-b5c9-bc29889c75b4","event_id":"01a22b78-e804-7b6c-b67f-d9311c64e5e9","event_type":"device.added","occurred_at":"2026-11-30T08:01:13.732Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673732727, NULL, 9);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7bda-b620-f990d6b03875', 'device.connected', 1796025673732541, '01a22b78-e804-7846-b5c9-bc29889c75b4', '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","device_id":"01a22b78-e804-7846-b5c9-bc29889c75b4","event_id":"01a22b78-e804-7bda-b620-f990d6b03875","event_type":"device.connected","occurred_at":"2026-11-30T08:01:13.732Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673732727, NULL, 10);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e804-7d12-bf5b-a3314e2a03bd', 'connected_account.completed_first_sync', 1796025673732839, NULL, '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.732Z","event_id":"01a22b78-e804-7d12-bf5b-a3314e2a03bd","event_type":"connected_account.completed_first_sync","occurred_at":"2026-11-30T08:01:13.732Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673732839, NULL, 11);
INSERT INTO events VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e805-7064-a67b-11f7b40390d6', 'connect_webview.login_succeeded', 1796025673733007, NULL, '01a22b78-e803-7557-b4d9-541c78eaf528', NULL, '{"connect_webview_id":"01a22b78-e802-73cf-b429-866fabb95dd5","connected_account_id":"01a22b78-e803-7557-b4d9-541c78eaf528","created_at":"2026-11-30T08:01:13.733Z","event_id":"01a22b78-e805-7064-a67b-11f7b40390d6","event_type":"connect_webview.login_succeeded","occurred_at":"2026-11-30T08:01:13.733Z","workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d"}', 1796025673733007, NULL, 12);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e88f-73b0-a46e-61d22e42c0a3', 'access_code.created', 1796025673870928, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e88e-7f12-ae8a-bae21d60a687","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.871Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e88f-73b0-a46e-61d22e42c0a3","event_type":"access_code.created","occurred_at":"2026-11-30T08:01:13.870Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673871216, NULL, 16);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e88f-73fe-b1cc-d02145ac2db3', 'access_code.mutations_requested', 1796025673870928, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e88e-7f12-ae8a-bae21d60a687","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.871Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e88f-73fe-b1cc-d02145ac2db3","event_type":"access_code.mutations_requested","occurred_at":"2026-11-30T08:01:13.870Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673871216, '\x096b5349624c664338564aa3ec1a6670033df6ca57451a874e7b8c5b5ca0d86582a2638d596b2f5dcb44ce27c7f1d6c0ecb3d9d2491e7baa399cd8441b63adf83e13b1701a75fe6339e21ec0268fc683d1c480e701a45f5ba8d1512545ca4c26449e517dcd45', 17);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e891-705a-9cb5-856e3af84de8', 'lock.unlocked', 1796025673872915, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"action_attempt_id":"01a22b78-e88d-71d0-9836-92b83fce89da","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.873Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e891-705a-9cb5-856e3af84de8","event_type":"lock.unlocked","is_via_bluetooth":false,"is_via_nfc":false,"method":"remote","occurred_at":"2026-11-30T08:01:13.872Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673873001, NULL, 18);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e891-709d-9109-9b68b8324068', 'action_attempt.unlock_door.succeeded', 1796025673872915, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"action_attempt_id":"01a22b78-e88d-71d0-9836-92b83fce89da","action_type":"UNLOCK_DOOR","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.873Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e891-709d-9109-9b68b8324068","event_type":"action_attempt.unlock_door.succeeded","occurred_at":"2026-11-30T08:01:13.872Z","status":"success","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673873001, NULL, 19);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e892-72f6-a083-3687b5c86e71', 'access_code.created', 1796025673874078, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e892-717d-8712-0ee2d1280c11","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.874Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e892-72f6-a083-3687b5c86e71","event_type":"access_code.created","occurred_at":"2026-11-30T08:01:13.874Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673874175, NULL, 20);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e892-732e-86f9-13172fb0b66b', 'access_code.mutations_requested', 1796025673874078, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e892-717d-8712-0ee2d1280c11","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.874Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e892-732e-86f9-13172fb0b66b","event_type":"access_code.mutations_requested","occurred_at":"2026-11-30T08:01:13.874Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673874175, '\x096b5349624c66433856e2ee15a47fc4242496e1ef1b02f95e4a122fa12d28055f754e43e1f25eb9827f11ca30f86c08deadde46bbda643bfb4a2ad3bd0ffd1fc8d7f548bac572e032f9c45d73a9f0a0d99f83a1d2c821e011f54835', 21);
INSERT INTO events VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e895-7651-85e3-c9f01dae0fa6', 'access_code.set_on_device', 1796025673877223, '01a22b78-e7f0-7af5-ada2-2245aa33c27e', '01a22b78-e7f0-7089-b163-086b9e88d992', NULL, '{"access_code_id":"01a22b78-e892-717d-8712-0ee2d1280c11","connected_account_id":"01a22b78-e7f0-7089-b163-086b9e88d992","created_at":"2026-11-30T08:01:13.877Z","device_id":"01a22b78-e7f0-7af5-ada2-2245aa33c27e","event_id":"01a22b78-e895-7651-85e3-c9f01dae0fa6","event_type":"access_code.set_on_device","occurred_at":"2026-11-30T08:01:13.877Z","workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326"}', 1796025673877380, '\x096b5349624c66433856e97ad9db2fe9d91af59a77030d1c387de8e0d12186e58771aa969e467ca32f1236c52b10c764a683ccc4d0', 22);
INSERT INTO goose_db_version VALUES (1, 0, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (2, 1, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (3, 2, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (4, 3, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (5, 4, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (6, 5, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (7, 6, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (8, 7, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (9, 8, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (10, 9, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (11, 10, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (12, 11, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (13, 12, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (14, 13, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (15, 14, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (16, 15, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (17, 16, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (18, 17, true, '2026-11-30 08:01:11');
INSERT INTO goose_db_version VALUES (19, 18, true, '2026-11-30 08:01:11');
INSERT INTO jobs VALUES ('event.purge', 'event.purge', '', '{}', 1796029271718124, NULL, 0, '', 1796025671713873, 1796029271718124, NULL);
INSERT INTO jobs VALUES ('personal_access_token.expiry', 'personal_access_token.expiry', '', '{}', 1796029271718098, NULL, 0, '', 1796025671714912, 1796029271718098, NULL);
INSERT INTO jobs VALUES ('personal_access_token.tidy', 'personal_access_token.tidy', '', '{}', 1796029271717290, NULL, 0, '', 1796025671714934, 1796029271717290, NULL);
INSERT INTO jobs VALUES ('webhook.retain', 'webhook.retain', '', '{}', 1796047271718049, NULL, 0, '', 1796025671715621, 1796047271718049, NULL);
INSERT INTO jobs VALUES ('access_code.sync/01a22b78-e006-7934-bdd8-fa2484f9e326/01a22b78-e7f0-7af5-ada2-2245aa33c27e', 'access_code.sync', '01a22b78-e006-7934-bdd8-fa2484f9e326', '"01a22b78-e7f0-7af5-ada2-2245aa33c27e"', 1798538400000000, NULL, 0, '', 1796025673877477, 1798538400000000, NULL);
INSERT INTO links VALUES ('01a22b78-e89c-7dce-8d9e-9fb3e850ebfb', 'invitation', 'kSIbLfC8V', '\xfc4c75075b53457288cafa5c3ac7953273a17c9fb1eea48cdba60d49e6a205eb', '01a22b78-e006-7934-bdd8-fa2484f9e326', 'mary@example.com', 'member', '01a22b78-e006-7801-a867-fc6094e9ee9b', 1796025673884905, 1796630473884905, NULL);
INSERT INTO memberships VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e006-7801-a867-fc6094e9ee9b', 'owner', 1796025671686652);
INSERT INTO memberships VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', '01a22b78-e006-7801-a867-fc6094e9ee9b', 'owner', 1796025673701450);
INSERT INTO memberships VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e840-7ba4-b0d4-5e340a02b3e3', 'member', 1796025673802446);
INSERT INTO metadata VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', 'room', '"12"');
INSERT INTO metadata VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', 'vip', 'true');
INSERT INTO policies VALUES ('', '{"maximum_age_days":null,"default_age_days":null,"never_forbidden":false,"allowed_scopes":null,"allowed_cidrs":null,"inactive_days":null}', 1796025673887948, '01a22b78-e006-7801-a867-fc6094e9ee9b');
INSERT INTO server_keys VALUES ('kSIbLfC8V', '\xf8fe4472da9d1b883b4e3f7992013b171603778ce150fbd5fef55ed1a7c2f117', 1796025671638899);
INSERT INTO sessions VALUES ('01a22b78-e876-73f6-9a9f-a55d34991399', '01a22b78-e006-7801-a867-fc6094e9ee9b', 'token', 'kSIbLfC8V', '\xf202897b0ead8066f6ecd07d147018af5bf637e3af83e87e171e9ccfe098fe93', 1796025673846257, 1796025673846257, 1796029273846257, '127.0.0.1', 'Python-urllib/3.11', 1796025673846257, 'password', false);
INSERT INTO token_habits VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', 'hour', '008', 1796025673883548);
INSERT INTO token_habits VALUES ('01a22b78-e878-7e38-bbc9-de16dd6803e3', 'hour', '008', 1796025673865949);
INSERT INTO token_habits VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', 'device', '01a22b78-e7f0-7af5-ada2-2245aa33c27e', 1796025673879122);
INSERT INTO token_networks VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '127.0.0.0/24', 1796025673701293, 1796025673883548);
INSERT INTO token_networks VALUES ('01a22b78-e878-7e38-bbc9-de16dd6803e3', '127.0.0.0/24', 1796025673863957, 1796025673865949);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '', '/workspaces/create', 1);
INSERT INTO token_uses VALUES ('01a22b78-e878-7e38-bbc9-de16dd6803e3', '2026-11-30', '', '/keyway/v1/personal_access_tokens/create_workspace_key', 1);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/devices/list', 1);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/locks/unlock_door', 1);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/devices/update', 1);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/client_sessions/create', 1);
INSERT INTO token_uses VALUES ('01a22b78-e878-7e38-bbc9-de16dd6803e3', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/devices/list', 1);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/access_codes/create', 2);
INSERT INTO token_uses VALUES ('01a22b78-e008-715e-9926-13b1f2b33087', '2026-11-30', '01a22b78-e006-7934-bdd8-fa2484f9e326', '/connect_webviews/create', 1);
INSERT INTO users VALUES ('01a22b78-e006-7801-a867-fc6094e9ee9b', 'jane@example.com', 'jane', '$argon2id$v=19$m=19456,t=2,p=1$MtNtMerqvyfHZCOLAlmTEw$OPd/YLNDtCOHdQJHdl4VX7uGof0fhxBuU6RlKRK0vp4', true, NULL, 1796025671686525);
INSERT INTO users VALUES ('01a22b78-e840-7ba4-b0d4-5e340a02b3e3', 'john@example.com', 'John', '$argon2id$v=19$m=19456,t=2,p=1$CGPgWRkENcor/kVy6eDMSA$4O98FX8V0NYM7ByHvhWuOPAL2k0LK7ik86erX6p7DTA', false, NULL, 1796025673792763);
INSERT INTO webhooks VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', '01a22b78-e89a-70e1-8c71-34d1997ed2ed', '{"event_types":["*"],"url":"http://localhost:18499/hook","webhook_id":"01a22b78-e89a-70e1-8c71-34d1997ed2ed"}', '*', '\x096b5349624c66433856c35241d35d44611f16b9e0026f4089c81c9140423f1eb456dc59efe856c93498168860befe37eb628aacae578caa07b05351397b11d26c6a4a625d6a7c351150b26655a7642f8cbdf405170198724c', NULL, NULL, NULL, NULL, 1796025673882129, NULL);
INSERT INTO workspaces VALUES ('01a22b78-e006-7934-bdd8-fa2484f9e326', 'Harbour House', true, false, 'seam_pk1pDi9Wgh3_zwGagZzhczcgCjzRFvtqAUDNAxQhPd', '{"workspace_id":"01a22b78-e006-7934-bdd8-fa2484f9e326","name":"Harbour House","company_name":"Harbour House","connect_partner_name":"Harbour House","is_sandbox":true,"is_suspended":false,"publishable_key":"seam_pk1pDi9Wgh3_zwGagZzhczcgCjzRFvtqAUDNAxQhPd","is_publishable_key_auth_enabled":true,"connect_webview_customization":{},"organization_id":null}', 1796025671686652, NULL, 0);
INSERT INTO workspaces VALUES ('01a22b78-e7e5-75ac-b30b-2a9aba033d5d', 'Hill Cottages', true, false, 'seam_pk1i9inekBv_RVfx1zvTvyNEmZsXvK7hc6pdWBEL1Z', '{"workspace_id":"01a22b78-e7e5-75ac-b30b-2a9aba033d5d","name":"Hill Cottages","company_name":"Hill Cottages","connect_partner_name":"Hill Cottages","is_sandbox":true,"is_suspended":false,"publishable_key":"seam_pk1i9inekBv_RVfx1zvTvyNEmZsXvK7hc6pdWBEL1Z","is_publishable_key_auth_enabled":true,"connect_webview_customization":{},"organization_id":null}', 1796025673701450, NULL, 0);
SELECT pg_catalog.setval('goose_db_version_id_seq', 19, true);
ALTER TABLE ONLY access_codes
    ADD CONSTRAINT access_codes_pkey PRIMARY KEY (workspace_id, access_code_id);
ALTER TABLE ONLY action_attempts
    ADD CONSTRAINT action_attempts_pkey PRIMARY KEY (workspace_id, action_attempt_id);
ALTER TABLE ONLY audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (name);
ALTER TABLE ONLY authenticators
    ADD CONSTRAINT authenticators_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY client_session_resources
    ADD CONSTRAINT client_session_resources_pkey PRIMARY KEY (workspace_id, client_session_id, kind, resource_id);
ALTER TABLE ONLY client_sessions
    ADD CONSTRAINT client_sessions_pkey PRIMARY KEY (workspace_id, client_session_id);
ALTER TABLE ONLY connect_webviews
    ADD CONSTRAINT connect_webviews_pkey PRIMARY KEY (workspace_id, connect_webview_id);
ALTER TABLE ONLY connected_accounts
    ADD CONSTRAINT connected_accounts_pkey PRIMARY KEY (workspace_id, connected_account_id);
ALTER TABLE ONLY credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (credential_id);
ALTER TABLE ONLY device_memory
    ADD CONSTRAINT device_memory_pkey PRIMARY KEY (workspace_id, brand, account, device);
ALTER TABLE ONLY devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (workspace_id, device_id);
ALTER TABLE ONLY event_heads
    ADD CONSTRAINT event_heads_pkey PRIMARY KEY (workspace_id);
ALTER TABLE ONLY event_refs
    ADD CONSTRAINT event_refs_pkey PRIMARY KEY (workspace_id, name, resource_id, occurred_at, event_id);
ALTER TABLE ONLY events
    ADD CONSTRAINT events_pkey PRIMARY KEY (workspace_id, event_id);
ALTER TABLE ONLY generations
    ADD CONSTRAINT generations_pkey PRIMARY KEY (scope);
ALTER TABLE ONLY goose_db_version
    ADD CONSTRAINT goose_db_version_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY links
    ADD CONSTRAINT links_pkey PRIMARY KEY (link_id);
ALTER TABLE ONLY mails
    ADD CONSTRAINT mails_pkey PRIMARY KEY (mail_id);
ALTER TABLE ONLY memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (workspace_id, user_id);
ALTER TABLE ONLY metadata
    ADD CONSTRAINT metadata_pkey PRIMARY KEY (workspace_id, resource_id, name);
ALTER TABLE ONLY openid_accounts
    ADD CONSTRAINT openid_accounts_pkey PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY passkeys
    ADD CONSTRAINT passkeys_pkey PRIMARY KEY (passkey_id);
ALTER TABLE ONLY policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (workspace_id);
ALTER TABLE ONLY recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, number);
ALTER TABLE ONLY refusals
    ADD CONSTRAINT refusals_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY refused_tokens
    ADD CONSTRAINT refused_tokens_pkey PRIMARY KEY (workspace_id, credential_id);
ALTER TABLE ONLY server_keys
    ADD CONSTRAINT server_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);
ALTER TABLE ONLY settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY spent_challenges
    ADD CONSTRAINT spent_challenges_pkey PRIMARY KEY (challenge);
ALTER TABLE ONLY token_counters
    ADD CONSTRAINT token_counters_pkey PRIMARY KEY (credential_id, counter);
ALTER TABLE ONLY token_habits
    ADD CONSTRAINT token_habits_pkey PRIMARY KEY (family_id, kind, value);
ALTER TABLE ONLY token_networks
    ADD CONSTRAINT token_networks_pkey PRIMARY KEY (family_id, network);
ALTER TABLE ONLY token_uses
    ADD CONSTRAINT token_uses_pkey PRIMARY KEY (credential_id, day, workspace_id, endpoint);
ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY webhook_attempts
    ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (workspace_id, webhook_attempt_id);
ALTER TABLE ONLY webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, webhook_id, delivery_id);
ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (workspace_id, webhook_id);
ALTER TABLE ONLY workspace_logos
    ADD CONSTRAINT workspace_logos_pkey PRIMARY KEY (workspace_id);
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (workspace_id);
CREATE INDEX access_codes_common ON access_codes USING btree (workspace_id, common_code_key) WHERE (common_code_key IS NOT NULL);
CREATE INDEX access_codes_device ON access_codes USING btree (workspace_id, device_id, created_at, access_code_id, is_spare, prints, asleep_until, asleep_in);
CREATE INDEX access_codes_order ON access_codes USING btree (workspace_id, is_managed, created_at, access_code_id);
CREATE INDEX action_attempts_device ON action_attempts USING btree (workspace_id, device_id, created_at, action_attempt_id);
CREATE INDEX action_attempts_order ON action_attempts USING btree (workspace_id, created_at, action_attempt_id);
CREATE INDEX audit_entries_credential ON audit_entries USING btree (credential_id, occurred_at, entry_id);
CREATE UNIQUE INDEX audit_entries_seq ON audit_entries USING btree (seq);
CREATE INDEX audit_entries_subject ON audit_entries USING btree (subject_id, occurred_at, entry_id);
CREATE INDEX audit_entries_time ON audit_entries USING btree (occurred_at, entry_id);
CREATE INDEX audit_entries_user ON audit_entries USING btree (user_id, occurred_at, entry_id);
CREATE INDEX audit_entries_workspace ON audit_entries USING btree (workspace_id, occurred_at, entry_id);
CREATE INDEX client_session_resources_resource ON client_session_resources USING btree (workspace_id, kind, resource_id);
CREATE UNIQUE INDEX client_sessions_short_token ON client_sessions USING btree (short_token);
CREATE INDEX client_sessions_user ON client_sessions USING btree (workspace_id, user_identifier_key);
CREATE INDEX connect_webviews_account ON connect_webviews USING btree (workspace_id, connected_account_id);
CREATE UNIQUE INDEX connect_webviews_id ON connect_webviews USING btree (connect_webview_id);
CREATE INDEX connect_webviews_order ON connect_webviews USING btree (workspace_id, created_at, connect_webview_id);
CREATE UNIQUE INDEX connected_accounts_external ON connected_accounts USING btree (workspace_id, provider, brand, external_id);
CREATE INDEX connected_accounts_order ON connected_accounts USING btree (workspace_id, created_at, connected_account_id);
CREATE INDEX credentials_digest ON credentials USING btree (digest);
CREATE INDEX credentials_expires ON credentials USING btree (kind, expires_at);
CREATE INDEX credentials_family ON credentials USING btree (family_id);
CREATE INDEX credentials_parent ON credentials USING btree (parent_id);
CREATE INDEX credentials_reason ON credentials USING btree (revoke_reason, revoked_at);
CREATE UNIQUE INDEX credentials_short_token ON credentials USING btree (short_token);
CREATE INDEX credentials_user ON credentials USING btree (user_id, kind);
CREATE INDEX credentials_workspace ON credentials USING btree (workspace_id, kind);
CREATE UNIQUE INDEX devices_external ON devices USING btree (workspace_id, connected_account_id, external_id);
CREATE INDEX devices_order ON devices USING btree (workspace_id, created_at, device_id);
CREATE INDEX devices_type ON devices USING btree (workspace_id, device_type, created_at, device_id);
CREATE INDEX events_account ON events USING btree (workspace_id, connected_account_id, occurred_at);
CREATE INDEX events_device ON events USING btree (workspace_id, device_id, occurred_at);
CREATE INDEX events_order ON events USING btree (workspace_id, occurred_at, event_id);
CREATE UNIQUE INDEX events_seq ON events USING btree (workspace_id, seq);
CREATE INDEX jobs_run_at ON jobs USING btree (run_at);
CREATE INDEX jobs_workspace ON jobs USING btree (workspace_id);
CREATE INDEX links_workspace ON links USING btree (workspace_id, kind);
CREATE INDEX mails_next ON mails USING btree (next_at);
CREATE INDEX memberships_user ON memberships USING btree (user_id);
CREATE INDEX metadata_value ON metadata USING btree (workspace_id, name, value);
CREATE INDEX openid_accounts_user ON openid_accounts USING btree (user_id);
CREATE UNIQUE INDEX passkeys_handle ON passkeys USING btree (handle);
CREATE INDEX passkeys_user ON passkeys USING btree (user_id);
CREATE INDEX refusals_credential ON refusals USING btree (credential_id, occurred_at);
CREATE INDEX refusals_time ON refusals USING btree (occurred_at);
CREATE INDEX refused_tokens_credential ON refused_tokens USING btree (credential_id);
CREATE INDEX sessions_user ON sessions USING btree (user_id);
CREATE INDEX token_uses_day ON token_uses USING btree (day);
CREATE UNIQUE INDEX users_email ON users USING btree (email);
CREATE INDEX webhook_attempts_order ON webhook_attempts USING btree (workspace_id, webhook_id, created_at, webhook_attempt_id);
CREATE INDEX webhook_deliveries_next ON webhook_deliveries USING btree (workspace_id, webhook_id, next_at, seq, delivery_id);
CREATE INDEX webhooks_due ON webhooks USING btree (due_at);
CREATE UNIQUE INDEX workspaces_publishable_key ON workspaces USING btree (publishable_key);
