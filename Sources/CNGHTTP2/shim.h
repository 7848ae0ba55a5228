// libnghttp2 for the HTTPServer module: framing, HPACK and flow control of HTTP/2. The wrappers name what may be null,
// gather the options of a server in one structure and hide the constructors' out parameters. Names begin with cnghttp2_.
#pragma once
#include <nghttp2/nghttp2.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// What happens while frames are read and written. `context` is the session's. 0 goes on; anything else is one of
// nghttp2_error.
typedef struct cnghttp2_events {
    int (*_Nonnull begin_frame)(
        nghttp2_session *_Nonnull session, const nghttp2_frame_hd *_Nonnull header, void *_Nullable context);
    int (*_Nonnull begin_headers)(
        nghttp2_session *_Nonnull session, const nghttp2_frame *_Nonnull frame, void *_Nullable context);
    int (*_Nonnull header)(
        nghttp2_session *_Nonnull session, const nghttp2_frame *_Nonnull frame, nghttp2_rcbuf *_Nonnull name,
        nghttp2_rcbuf *_Nonnull value, uint8_t flags, void *_Nullable context);
    // A field whose name or value holds what it may not.
    int (*_Nonnull invalid_header)(
        nghttp2_session *_Nonnull session, const nghttp2_frame *_Nonnull frame, nghttp2_rcbuf *_Nonnull name,
        nghttp2_rcbuf *_Nonnull value, uint8_t flags, void *_Nullable context);
    int (*_Nonnull data)(
        nghttp2_session *_Nonnull session, uint8_t flags, int32_t stream, const uint8_t *_Nullable bytes, size_t count,
        void *_Nullable context);
    int (*_Nonnull frame_received)(
        nghttp2_session *_Nonnull session, const nghttp2_frame *_Nonnull frame, void *_Nullable context);
    int (*_Nonnull frame_sent)(
        nghttp2_session *_Nonnull session, const nghttp2_frame *_Nonnull frame, void *_Nullable context);
    int (*_Nonnull stream_closed)(
        nghttp2_session *_Nonnull session, int32_t stream, uint32_t error, void *_Nullable context);
    int (*_Nonnull send_data)(
        nghttp2_session *_Nonnull session, nghttp2_frame *_Nonnull frame, const uint8_t *_Nonnull header, size_t count,
        nghttp2_data_source *_Nonnull source, void *_Nullable context);
} cnghttp2_events;

// Limits that the library itself watches.
typedef struct cnghttp2_limits {
    uint64_t reset_burst;
    uint64_t resets_per_second;
    size_t continuations;
    size_t outbound_acks;
    size_t settings_entries;
} cnghttp2_limits;

// Copied into each session; null when memory is exhausted.
static inline nghttp2_session_callbacks *_Nullable cnghttp2_callbacks(const cnghttp2_events *_Nonnull events) {
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) return NULL;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, events->begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, events->begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, events->header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, events->invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, events->data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, events->frame_received);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, events->frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, events->stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, events->send_data);
    return callbacks;
}

// Copied into each session; null when memory is exhausted. Windows are ours to reopen, so that a body nobody takes keeps
// its sender waiting.
static inline nghttp2_option *_Nullable cnghttp2_options(cnghttp2_limits limits) {
    nghttp2_option *options = NULL;
    if (nghttp2_option_new(&options) != 0) return NULL;
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_outbound_ack(options, limits.outbound_acks);
    nghttp2_option_set_max_settings(options, limits.settings_entries);
    nghttp2_option_set_stream_reset_rate_limit(options, limits.reset_burst, limits.resets_per_second);
    nghttp2_option_set_max_continuations(options, limits.continuations);
    return options;
}

static inline nghttp2_session *_Nullable cnghttp2_server(
    const nghttp2_session_callbacks *_Nonnull callbacks, const nghttp2_option *_Nonnull options,
    void *_Nullable context) {
    nghttp2_session *session = NULL;
    return nghttp2_session_server_new2(&session, callbacks, context, options) == 0 ? session : NULL;
}

// How many bytes were taken, always all of them, or a negative nghttp2_error.
static inline ssize_t cnghttp2_receive(
    nghttp2_session *_Nonnull session, const uint8_t *_Nullable bytes, size_t count) {
    return nghttp2_session_mem_recv(session, bytes, count);
}

// The next bytes to send, which belong to the session and live until the next call; 0 when nothing is left.
static inline ssize_t cnghttp2_send(nghttp2_session *_Nonnull session, const uint8_t *_Nullable *_Nonnull bytes) {
    return nghttp2_session_mem_send(session, bytes);
}

static inline int cnghttp2_submit_response(
    nghttp2_session *_Nonnull session, int32_t stream, const nghttp2_nv *_Nonnull fields, size_t count,
    const nghttp2_data_provider *_Nullable body) {
    return nghttp2_submit_response(session, stream, fields, count, body);
}

// A field whose bytes are borrowed for the call that it is given to, which copies them.
static inline nghttp2_nv cnghttp2_field(
    const uint8_t *_Nonnull name, size_t name_count, const uint8_t *_Nonnull value, size_t value_count) {
    nghttp2_nv field = {(uint8_t *)name, (uint8_t *)value, name_count, value_count, NGHTTP2_NV_FLAG_NONE};
    return field;
}

static inline nghttp2_data_provider cnghttp2_body(
    void *_Nonnull source,
    ssize_t (*_Nonnull read)(
        nghttp2_session *_Nonnull session, int32_t stream, uint8_t *_Nonnull buffer, size_t count,
        uint32_t *_Nonnull flags, nghttp2_data_source *_Nonnull source, void *_Nullable context)) {
    nghttp2_data_provider provider;
    provider.source.ptr = source;
    provider.read_callback = read;
    return provider;
}

static inline const uint8_t *_Nonnull cnghttp2_buffer(nghttp2_rcbuf *_Nonnull buffer, size_t *_Nonnull count) {
    nghttp2_vec vector = nghttp2_rcbuf_get_buf(buffer);
    *count = vector.len;
    return vector.base;
}

// What one HEADERS frame says; reading a union's members through these keeps Swift away from its layout.
static inline uint8_t cnghttp2_type(const nghttp2_frame *_Nonnull frame) { return frame->hd.type; }
static inline uint8_t cnghttp2_flags(const nghttp2_frame *_Nonnull frame) { return frame->hd.flags; }
static inline int32_t cnghttp2_stream(const nghttp2_frame *_Nonnull frame) { return frame->hd.stream_id; }
// Padding of a DATA frame, its length byte included.
static inline size_t cnghttp2_padding(const nghttp2_frame *_Nonnull frame) { return frame->data.padlen; }
// The error code of a RST_STREAM or GOAWAY frame; 0 for others.
static inline uint32_t cnghttp2_error(const nghttp2_frame *_Nonnull frame) {
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM: return frame->rst_stream.error_code;
    case NGHTTP2_GOAWAY: return frame->goaway.error_code;
    default: return 0;
    }
}
// 1 for the header of a request, 0 for trailers.
static inline int cnghttp2_is_request(const nghttp2_frame *_Nonnull frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static inline int cnghttp2_submit_settings(
    nghttp2_session *_Nonnull session, uint32_t streams, uint32_t window, uint32_t header_bytes) {
    nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries, sizeof(entries) / sizeof(entries[0]));
}

static inline int cnghttp2_submit_goaway(nghttp2_session *_Nonnull session, int32_t last_stream, uint32_t error) {
    return nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, last_stream, error, NULL, 0);
}

static inline int cnghttp2_submit_reset(nghttp2_session *_Nonnull session, int32_t stream, uint32_t error) {
    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, error);
}

// The interim answer to Expect: 100-continue.
static inline int cnghttp2_submit_continue(nghttp2_session *_Nonnull session, int32_t stream) {
    static const uint8_t name[] = ":status", value[] = "100";
    nghttp2_nv field = {(uint8_t *)name, (uint8_t *)value, 7, 3, NGHTTP2_NV_FLAG_NONE};
    return nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, stream, NULL, &field, 1, NULL) == 0 ? 0 : -1;
}

static inline int cnghttp2_submit_ping(nghttp2_session *_Nonnull session) {
    return nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, NULL);
}

static inline int cnghttp2_set_connection_window(nghttp2_session *_Nonnull session, int32_t bytes) {
    return nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, bytes);
}
