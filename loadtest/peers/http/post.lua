-- A Telegram update of 350 bytes, the same each time.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Telegram-Bot-Api-Secret-Token"] = "0123456789abcdef0123456789abcdef"
wrk.body = [[{"update_id":123456789,"message":{"message_id":1365,"from":{"id":1111111111,"is_bot":false,]] ..
    [["first_name":"Anna","username":"anna","language_code":"ru"},"chat":{"id":1111111111,"first_name":"Anna",]] ..
    [["username":"anna","type":"private"},"date":1700000000,"text":"a cat in space with a red hat, looking at ]] ..
    [[the moon, oil on canvas, late light, wide angle, calm"}}]]
