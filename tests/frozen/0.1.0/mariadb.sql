CREATE TABLE otpauth_campaigns (
	id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	client_id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	name TEXT COLLATE utf8mb4_bin NOT NULL, 
	caller_id TEXT COLLATE utf8mb4_bin NOT NULL, 
	language TEXT COLLATE utf8mb4_bin NOT NULL, 
	created_at BIGINT NOT NULL, 
	repeats INTEGER NOT NULL, 
	daily_cap INTEGER, 
	paused_at BIGINT, 
	PRIMARY KEY (id)
);

CREATE INDEX ix_otpauth_campaigns_client_id ON otpauth_campaigns (client_id);

CREATE TABLE otpauth_challenges (
	`key` BINARY(32) NOT NULL, 
	sends TEXT COLLATE utf8mb4_bin NOT NULL, 
	misses TEXT COLLATE utf8mb4_bin NOT NULL, 
	nonce VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	digest BINARY(32), 
	issued_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	guesses INTEGER NOT NULL, 
	consumed_at BIGINT, 
	reference TEXT COLLATE utf8mb4_bin NOT NULL, 
	clears_misses BOOL NOT NULL, 
	handed_over BOOL NOT NULL, 
	held BOOL NOT NULL, 
	needed_until BIGINT NOT NULL, 
	locked_at BIGINT NOT NULL, 
	locked_until BIGINT NOT NULL, 
	PRIMARY KEY (`key`)
);

CREATE TABLE otpauth_client_tokens (
	digest BINARY(32) NOT NULL, 
	client_id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	generation INTEGER NOT NULL, 
	issued_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (digest)
);

CREATE INDEX ix_otpauth_client_tokens_client_id ON otpauth_client_tokens (client_id);

CREATE TABLE otpauth_clients (
	id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	name TEXT COLLATE utf8mb4_bin NOT NULL, 
	flows TEXT COLLATE utf8mb4_bin NOT NULL, 
	scope TEXT COLLATE utf8mb4_bin NOT NULL, 
	created_at BIGINT NOT NULL, 
	secret_digest BINARY(32) NOT NULL, 
	generation INTEGER NOT NULL, 
	previous_digest BINARY(32), 
	previous_until BIGINT NOT NULL, 
	blocked_at BIGINT, 
	PRIMARY KEY (id)
);

CREATE INDEX ix_otpauth_clients_previous_digest ON otpauth_clients (previous_digest);

CREATE INDEX ix_otpauth_clients_secret_digest ON otpauth_clients (secret_digest);

CREATE TABLE otpauth_counters (
	`key` BINARY(32) NOT NULL, 
	day_start BIGINT NOT NULL, 
	day_end BIGINT NOT NULL, 
	count INTEGER NOT NULL, 
	PRIMARY KEY (`key`, day_start)
);

CREATE TABLE otpauth_generations (
	user_id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	generation INTEGER NOT NULL, 
	PRIMARY KEY (user_id)
);

CREATE TABLE otpauth_secrets (
	`key` BINARY(32) NOT NULL, 
	hash TEXT COLLATE utf8mb4_bin, 
	failures INTEGER NOT NULL, 
	failed_at BIGINT NOT NULL, 
	in_a_row INTEGER NOT NULL, 
	PRIMARY KEY (`key`)
);

CREATE TABLE otpauth_sessions (
	id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	user_id VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	person_key VARCHAR(255) COLLATE utf8mb4_bin NOT NULL, 
	authenticated_at BIGINT NOT NULL, 
	rotated_at BIGINT NOT NULL, 
	ends_at BIGINT NOT NULL, 
	generation INTEGER NOT NULL, 
	closed_at BIGINT, 
	alone_for VARCHAR(255) COLLATE utf8mb4_bin, 
	PRIMARY KEY (id)
);

CREATE UNIQUE INDEX ix_otpauth_sessions_alone_for ON otpauth_sessions (alone_for);

CREATE INDEX ix_otpauth_sessions_user_id_closed_at ON otpauth_sessions (user_id, closed_at);

CREATE TABLE otpauth_users (
	id INTEGER NOT NULL AUTO_INCREMENT, 
	person_key VARCHAR(32), 
	email VARCHAR(254), 
	email_key VARCHAR(254) COLLATE utf8mb4_bin, 
	phone VARCHAR(16) COLLATE utf8mb4_bin, 
	member_id VARCHAR(64) COLLATE utf8mb4_bin, 
	full_name VARCHAR(200) NOT NULL DEFAULT '', 
	avatar_url VARCHAR(2000), 
	password_hash VARCHAR(255), 
	email_verified BOOL NOT NULL DEFAULT false, 
	phone_verified BOOL NOT NULL DEFAULT false, 
	is_enabled BOOL NOT NULL DEFAULT true, 
	PRIMARY KEY (id)
);

CREATE INDEX ix_otpauth_users_email_doubtful ON otpauth_users (email);

CREATE UNIQUE INDEX ix_otpauth_users_email_key ON otpauth_users (email_key);

CREATE UNIQUE INDEX ix_otpauth_users_member_id ON otpauth_users (member_id);

CREATE UNIQUE INDEX ix_otpauth_users_phone ON otpauth_users (phone);

