// OpenSSL 3 for the Cryptography module: the headers, and wrappers for what Swift cannot call as it stands (macros,
// pointers that may be null when a buffer is empty). Names begin with copenssl_.
#pragma once
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

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
