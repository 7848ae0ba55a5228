// OpenSSL 3 for Cryptography and for the TLS of HTTPServer: the headers, and wrappers for what Swift cannot call as it stands (macros,
// pointers that may be null when a buffer is empty). Names begin with copenssl_.
#pragma once
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

// A fetched digest; fetching once is several times cheaper than EVP_sha256()'s implicit fetch for each message.
static inline EVP_MD *_Nullable copenssl_fetch_sha256(void) {
    return EVP_MD_fetch(NULL, "SHA256", NULL);
}

// One-shot SHA-256 into 32 bytes; 1 on success.
static inline int copenssl_sha256(
    const EVP_MD *_Nonnull digest, const void *_Nullable bytes, size_t count, unsigned char *_Nonnull out) {
    unsigned int length = 0;
    return EVP_Digest(bytes, count, out, &length, digest, NULL) == 1 && length == 32;
}

// One-shot HMAC-SHA-256 into 32 bytes; 1 on success. A null key means an empty one.
static inline int copenssl_hmac_sha256(
    const EVP_MD *_Nonnull digest, const void *_Nullable key, size_t key_count, const unsigned char *_Nullable bytes,
    size_t count, unsigned char *_Nonnull out) {
    unsigned int length = 0;
    if (key_count > INT_MAX) return 0;
    return HMAC(digest, key ? key : "", (int)key_count, bytes ? bytes : (const unsigned char *)"", count, out, &length)
            != NULL
        && length == 32;
}

static inline EVP_PKEY *_Nullable copenssl_ed25519_private(const unsigned char *_Nonnull raw) {
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, 32);
}

static inline EVP_PKEY *_Nullable copenssl_ed25519_public(const unsigned char *_Nonnull raw) {
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
}

// The 32 raw bytes of the public half; 1 on success.
static inline int copenssl_ed25519_public_bytes(EVP_PKEY *_Nonnull key, unsigned char *_Nonnull out) {
    size_t length = 32;
    return EVP_PKEY_get_raw_public_key(key, out, &length) == 1 && length == 32;
}

// Signs into 64 bytes; 1 on success.
static inline int copenssl_ed25519_sign(
    EVP_PKEY *_Nonnull key, const unsigned char *_Nullable bytes, size_t count, unsigned char *_Nonnull out) {
    size_t length = 64;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) return 0;
    int done = EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1
        && EVP_DigestSign(context, out, &length, bytes ? bytes : (const unsigned char *)"", count) == 1
        && length == 64;
    EVP_MD_CTX_free(context);
    return done;
}

// 1 if the 64-byte signature is genuine, 0 for everything else.
static inline int copenssl_ed25519_verify(
    EVP_PKEY *_Nonnull key, const unsigned char *_Nonnull signature, const unsigned char *_Nullable bytes, size_t count) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) return 0;
    int genuine = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1
        && EVP_DigestVerify(context, signature, 64, bytes ? bytes : (const unsigned char *)"", count) == 1;
    EVP_MD_CTX_free(context);
    return genuine;
}

// TLS of a server. OpenSSL never touches a socket here: the owner receives into a buffer of its own, which OpenSSL reads
// during one call, and sends what OpenSSL has written during that call. One wire serves all connections of a thread,
// since each call begins and ends with nothing in it.

typedef struct copenssl_wire {
    const unsigned char *_Nullable input;
    size_t input_count;
    unsigned char *_Nullable output;
    size_t output_count;
    size_t output_capacity;
} copenssl_wire;

static inline int copenssl_wire_read(BIO *bio, char *bytes, size_t count, size_t *done) {
    copenssl_wire *wire = (copenssl_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->input_count == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t taken = count < wire->input_count ? count : wire->input_count;
    memcpy(bytes, wire->input, taken);
    wire->input += taken;
    wire->input_count -= taken;
    *done = taken;
    return 1;
}

static inline int copenssl_wire_write(BIO *bio, const char *bytes, size_t count, size_t *done) {
    copenssl_wire *wire = (copenssl_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->output_capacity - wire->output_count < count) {
        size_t capacity = (wire->output_count + count) * 2;
        unsigned char *larger = (unsigned char *)realloc(wire->output, capacity);
        if (larger == NULL) return 0;
        wire->output = larger;
        wire->output_capacity = capacity;
    }
    memcpy(wire->output + wire->output_count, bytes, count);
    wire->output_count += count;
    *done = count;
    return 1;
}

static inline long copenssl_wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static inline int copenssl_wire_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

// Null when memory is exhausted.
static inline BIO_METHOD *_Nullable copenssl_wire_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (method == NULL) return NULL;
    BIO_meth_set_read_ex(method, copenssl_wire_read);
    BIO_meth_set_write_ex(method, copenssl_wire_write);
    BIO_meth_set_ctrl(method, copenssl_wire_control);
    BIO_meth_set_create(method, copenssl_wire_create);
    return method;
}

// A connection of a server; null when memory is exhausted.
static inline SSL *_Nullable copenssl_accept(
    SSL_CTX *_Nonnull context, const BIO_METHOD *_Nonnull method, copenssl_wire *_Nonnull wire) {
    SSL *connection = SSL_new(context);
    if (connection == NULL) return NULL;
    BIO *bio = BIO_new(method);
    if (bio == NULL) {
        SSL_free(connection);
        return NULL;
    }
    BIO_set_data(bio, wire);
    SSL_set_bio(connection, bio, bio);
    SSL_set_accept_state(connection);
    return connection;
}

// ALPN (RFC 7301): h2 if the client speaks it, else http/1.1; a client that speaks neither gets an alert.
static inline int copenssl_select_protocol(
    SSL *connection, const unsigned char **out, unsigned char *out_count, const unsigned char *offered,
    unsigned int offered_count, void *context) {
    static const unsigned char known[] = "\x02h2\x08http/1.1";
    (void)connection, (void)context;
    unsigned char *selected = NULL;
    if (SSL_select_next_proto(&selected, out_count, known, sizeof(known) - 1, offered, offered_count)
        != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

// TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only. Tickets instead of a session cache, so that
// resumption costs no memory; no compression, no renegotiation. Idle connections keep no buffers.
static inline SSL_CTX *_Nullable copenssl_server_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) return NULL;
    SSL_CTX_set_options(
        context,
        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
            | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(
        context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, 3600);
    SSL_CTX_set_alpn_select_cb(context, copenssl_select_protocol, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1
        || SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1
        || SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1
        || SSL_CTX_set_num_tickets(context, 1) != 1
        || SSL_CTX_set_session_id_context(context, (const unsigned char *)"atelier", 7) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

// Certificate chain and key from PEM files; 1 on success, else the reason is in the error queue.
static inline int copenssl_use_identity(
    SSL_CTX *_Nonnull context, const char *_Nonnull certificate, const char *_Nonnull key) {
    return SSL_CTX_use_certificate_chain_file(context, certificate) == 1
        && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(context) == 1;
}

// Asks clients for certificates that the authorities of a PEM file have signed; 1 on success.
static inline int copenssl_ask_clients(SSL_CTX *_Nonnull context, const char *_Nonnull authorities, int required) {
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(authorities);
    if (names == NULL) return 0;
    if (SSL_CTX_load_verify_locations(context, authorities, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return 0;
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return 1;
}

// Called while a client says hello, to choose among certificates.
static inline void copenssl_on_server_name(
    SSL_CTX *_Nonnull context, int (*_Nonnull callback)(SSL *_Nonnull, int *_Nonnull, void *_Nullable),
    void *_Nullable argument) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    SSL_CTX_set_tlsext_servername_arg(context, argument);
}

// Whether the context's certificate is for that name; wildcards stand for a whole label.
static inline int copenssl_is_for(SSL_CTX *_Nonnull context, const char *_Nonnull name) {
    X509 *certificate = SSL_CTX_get0_certificate(context);
    return certificate != NULL && X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

// Seconds until the context's certificate ends; negative if it has ended.
static inline long copenssl_seconds_left(SSL_CTX *_Nonnull context) {
    int days = 0, seconds = 0;
    X509 *certificate = SSL_CTX_get0_certificate(context);
    if (certificate == NULL || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) return 0;
    return days * 86400L + seconds;
}

// What one step did.
enum copenssl_step {
    copenssl_step_done,
    // More bytes of the peer's are needed.
    copenssl_step_starved,
    // The peer has said that it sends nothing more.
    copenssl_step_ended,
    copenssl_step_failed,
};

static inline enum copenssl_step copenssl_step_of(SSL *_Nonnull connection, int result) {
    switch (SSL_get_error(connection, result)) {
    case SSL_ERROR_NONE: return copenssl_step_done;
    case SSL_ERROR_WANT_READ: return copenssl_step_starved;
    case SSL_ERROR_ZERO_RETURN: return copenssl_step_ended;
    default: return copenssl_step_failed;
    }
}

static inline enum copenssl_step copenssl_handshake(SSL *_Nonnull connection) {
    ERR_clear_error();
    return copenssl_step_of(connection, SSL_do_handshake(connection));
}

static inline enum copenssl_step copenssl_read(
    SSL *_Nonnull connection, void *_Nonnull bytes, size_t count, size_t *_Nonnull done) {
    ERR_clear_error();
    return copenssl_step_of(connection, SSL_read_ex(connection, bytes, count, done));
}

static inline enum copenssl_step copenssl_write(
    SSL *_Nonnull connection, const void *_Nonnull bytes, size_t count, size_t *_Nonnull done) {
    ERR_clear_error();
    return copenssl_step_of(connection, SSL_write_ex(connection, bytes, count, done));
}

// Writes close_notify.
static inline void copenssl_close(SSL *_Nonnull connection) {
    ERR_clear_error();
    SSL_shutdown(connection);
    ERR_clear_error();
}

// Whether h2 was agreed on.
static inline int copenssl_speaks_http2(const SSL *_Nonnull connection) {
    const unsigned char *name = NULL;
    unsigned int count = 0;
    SSL_get0_alpn_selected(connection, &name, &count);
    return count == 2 && memcmp(name, "h2", 2) == 0;
}

// The reason of the oldest error in the thread's queue, which is emptied.
static inline void copenssl_take_reason(char *_Nonnull text, size_t count) {
    const char *reason = ERR_reason_error_string(ERR_get_error());
    strncpy(text, reason ? reason : "unknown reason", count - 1);
    text[count - 1] = 0;
    ERR_clear_error();
}
