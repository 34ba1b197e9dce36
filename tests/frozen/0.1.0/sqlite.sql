CREATE TABLE otpauth_campaigns (
	id VARCHAR(255) NOT NULL, 
	client_id VARCHAR(255) NOT NULL, 
	name TEXT NOT NULL, 
	caller_id TEXT NOT NULL, 
	language TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	repeats INTEGER NOT NULL, 
	daily_cap INTEGER, 
	paused_at BIGINT, 
	PRIMARY KEY (id)
);

CREATE INDEX ix_otpauth_campaigns_client_id ON otpauth_campaigns (client_id);

CREATE TABLE otpauth_challenges (
	"key" BLOB NOT NULL, 
	sends TEXT NOT NULL, 
	misses TEXT NOT NULL, 
	nonce VARCHAR(255) NOT NULL, 
	digest BLOB, 
	issued_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	guesses INTEGER NOT NULL, 
	consumed_at BIGINT, 
	reference TEXT NOT NULL, 
	clears_misses BOOLEAN NOT NULL, 
	handed_over BOOLEAN NOT NULL, 
	held BOOLEAN NOT NULL, 
	needed_until BIGINT NOT NULL, 
	locked_at BIGINT NOT NULL, 
	locked_until BIGINT NOT NULL, 
	PRIMARY KEY ("key")
);

CREATE TABLE otpauth_client_tokens (
	digest BLOB NOT NULL, 
	client_id VARCHAR(255) NOT NULL, 
	generation INTEGER NOT NULL, 
	issued_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (digest)
);

CREATE INDEX ix_otpauth_client_tokens_client_id ON otpauth_client_tokens (client_id);

CREATE TABLE otpauth_clients (
	id VARCHAR(255) NOT NULL, 
	name TEXT NOT NULL, 
	flows TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	secret_digest BLOB NOT NULL, 
	generation INTEGER NOT NULL, 
	previous_digest BLOB, 
	previous_until BIGINT NOT NULL, 
	blocked_at BIGINT, 
	PRIMARY KEY (id)
);

CREATE INDEX ix_otpauth_clients_previous_digest ON otpauth_clients (previous_digest);

CREATE INDEX ix_otpauth_clients_secret_digest ON otpauth_clients (secret_digest);

CREATE TABLE otpauth_counters (
	"key" BLOB NOT NULL, 
	day_start BIGINT NOT NULL, 
	day_end BIGINT NOT NULL, 
	count INTEGER NOT NULL, 
	PRIMARY KEY ("key", day_start)
);

CREATE TABLE otpauth_generations (
	user_id VARCHAR(255) NOT NULL, 
	generation INTEGER NOT NULL, 
	PRIMARY KEY (user_id)
);

CREATE TABLE otpauth_secrets (
	"key" BLOB NOT NULL, 
	hash TEXT, 
	failures INTEGER NOT NULL, 
	failed_at BIGINT NOT NULL, 
	in_a_row INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);

CREATE TABLE otpauth_sessions (
	id VARCHAR(255) NOT NULL, 
	user_id VARCHAR(255) NOT NULL, 
	person_key VARCHAR(255) NOT NULL, 
	authenticated_at BIGINT NOT NULL, 
	rotated_at BIGINT NOT NULL, 
	ends_at BIGINT NOT NULL, 
	generation INTEGER NOT NULL, 
	closed_at BIGINT, 
	alone_for VARCHAR(255), 
	PRIMARY KEY (id)
);

CREATE UNIQUE INDEX ix_otpauth_sessions_alone_for ON otpauth_sessions (alone_for);

CREATE INDEX ix_otpauth_sessions_user_id_closed_at ON otpauth_sessions (user_id, closed_at);

CREATE TABLE otpauth_users (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	person_key VARCHAR(32), 
	email VARCHAR(254), 
	email_key VARCHAR(254), 
	phone VARCHAR(16), 
	member_id VARCHAR(64), 
	full_name VARCHAR(200) DEFAULT '' NOT NULL, 
	avatar_url VARCHAR(2000), 
	password_hash VARCHAR(255), 
	email_verified BOOLEAN DEFAULT 0 NOT NULL, 
	phone_verified BOOLEAN DEFAULT 0 NOT NULL, 
	is_enabled BOOLEAN DEFAULT 1 NOT NULL
);

CREATE INDEX ix_otpauth_users_email_doubtful ON otpauth_users (email) WHERE email IS NOT NULL AND CASE WHEN (email_key = lower(email)) THEN 0 ELSE 1 END = 1;

CREATE UNIQUE INDEX ix_otpauth_users_email_key ON otpauth_users (email_key);

CREATE UNIQUE INDEX ix_otpauth_users_member_id ON otpauth_users (member_id);

CREATE UNIQUE INDEX ix_otpauth_users_phone ON otpauth_users (phone);

