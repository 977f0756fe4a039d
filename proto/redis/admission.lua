-- admission: short streams, fair among owners.
--
-- A type's stream holds at most a window of tasks; what does not fit waits by owner and class and is admitted by deficit round robin.
local function fairness(name) -- the whole hash is read when a cap or a weight may count
    if not fair then
        fair = {}
        local flat = call('HGETALL', K.fair)
        for i = 1, #flat, 2 do fair[flat[i]] = num(flat[i + 1]) end
    end
    return fair[name]
end

local function stream_len(type)
    if not type.len then type.len = call('XLEN', type.key) end
    return type.len
end
-- How many tasks may still come into the stream: of anybody's, and of this owner's.
local function places(type)
    local window = type.window or num(call('HGET', K.window, type.name) or 64)
    type.window = window
    return window - (type.len or stream_len(type))
end
local function places_of(type, owner)
    local cap = fairness(type.cap)
    if not cap then return 1e9 end
    return cap - num(call('HGET', type.held_key, owner)) - (type.held[owner] or 0)
end

local function admit(type, owner, packed)
    local len, held = type.len or stream_len(type), type.held
    call('XADD', type.key, '*', 't', packed)
    held[owner] = (held[owner] or 0) + 1
    type.len, type.woken = len + 1, true
end

-- A new task: into the stream when there is a place and nobody waits, else behind its owner's others.
local function open_task(type, owner, class, packed)
    local ring = type.ring or call('LLEN', type.ring_key)
    type.ring = ring
    if ring == 0 and places(type) > 0 and places_of(type, owner) > 0 then return admit(type, owner, packed) end
    if call('HSETNX', type.deficit_key, owner, '0') == 1 then
        call('RPUSH', type.ring_key, owner)
        type.ring = ring + 1
    end
    call('RPUSH', P .. 'wait:' .. type.name .. ':' .. owner .. ':' .. class, packed)
    type.waits = type.waits + 1
    type.freed = true -- an owner below its cap may still be admitted at the end of this call
end

-- Admits up to n of an owner's tasks: retries first, then of the class whose head is oldest after ten minutes of head start per
-- class, so that a low priority waits longer, never for ever.  Answers how many, and whether all were.
local HEAD_START_MS = 600000
local function admit_some(type, owner, n)
    local list, done = P .. 'wait:' .. type.name .. ':' .. owner .. ':', 0
    local function pop(class, most)
        local packed = call('LPOP', list .. class, most) or {}
        for i = 1, #packed do admit(type, owner, packed[i]) end
        done = done + #packed
    end
    pop(0, n)
    while done < n do
        local best, best_since, others = nil, nil, 0
        for class = 1, 3 do
            local head = call('LINDEX', list .. class, 0)
            if head then
                local since = num(select(7, match(head, TASK))) + class * HEAD_START_MS
                others = others + 1
                if not best or since < best_since then best, best_since = class, since end
            end
        end
        if not best then return done, true end
        pop(best, others == 1 and n - done or 1) -- nothing to compare with: all at once
    end
    return done, call('EXISTS', list .. '0', list .. '1', list .. '2', list .. '3') == 0
end

-- Deficit round robin: an owner's turn brings its weight, each admission costs one.  Who waits alone takes what there is.
local function admit_waiting(type)
    if places(type) <= 0 then return end
    local ring, deficits = type.ring_key, type.deficit_key
    local owners = call('LLEN', ring)
    local at_most = owners -- owners at their cap are passed over once
    while at_most > 0 and places(type) > 0 do
        local owner = call('LINDEX', ring, 0)
        local free = math.min(places(type), places_of(type, owner))
        if free <= 0 then
            call('LMOVE', ring, ring, 'LEFT', 'RIGHT')
            at_most = at_most - 1
        else
            local deficit = num(call('HGET', deficits, owner))
            if deficit < 1 then deficit = deficit + math.max(0.01, fairness('weight:' .. owner) or 1) end -- in this order: of what is no number nothing comes
            if owners == 1 then deficit = free end
            local done, all = 0, false
            if deficit >= 1 then
                done, all = admit_some(type, owner, math.min(free, math.floor(deficit)))
                type.waits = type.waits - done
                deficit = deficit - done
            end
            if all then
                call('LPOP', ring)
                call('HDEL', deficits, owner)
                owners = owners - 1
            else
                call('HSET', deficits, owner, format('%.3f', deficit))
                if deficit < 1 then call('LMOVE', ring, ring, 'LEFT', 'RIGHT') end
            end
            at_most = owners
        end
    end
end
local function admit_freed()
    for i = 1, #types do
        local type = types[i]
        if type.freed then admit_waiting(type) end
        type.freed = false
    end
end
