"""Lua scripts: two emulate ASMHeaderPropagation, two let stand-ins propagate headers.

The scripts contain no data. Each reads the names of its headers from its filter's context, which is
part of the routes (`for_headers`).

ASM's documentation does not say how header and baggage interact. Here the inbound side writes the
header into baggage and replaces members of that name. The outbound side sets the header from
baggage before Envoy chooses the route. Names and values are encoded as OpenTelemetry's Python SDK
reads and writes them. The header's member comes first, since the SDK reads at most 180 members.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter
"""

from collections.abc import Sequence

from lanes.envoy.parts import TYPES, Json, typed

TO_BAGGAGE, TO_HEADER = "to-baggage", "to-header"
KEEP_HEADERS, RESTORE_HEADERS = "keep-headers", "restore-headers"

_LISTED = """\
local function listed(handle, what)
  return handle:filterContext():get(what) or {}
end
"""

_COVERING = """\
local function covering(handle)
  local headers, prefixes = listed(handle, 'headers'), listed(handle, 'prefixes')
  return function(name)
    if not name:find("^[%w!#$&'*+.^_`|~-]+$") then return false end
    for _, header in ipairs(headers) do
      if name == header then return true end
    end
    for _, prefix in ipairs(prefixes) do
      if name:sub(1, #prefix) == prefix then return true end
    end
    return false
  end
end
"""

_ENCODING = """\
local function encode(value)
  return (value:gsub('[^%w!#$&\\'()*./:<=>?@%[%]^_`{|}~-]', function(c)
    return string.format('%%%02X', c:byte())
  end))
end
"""

_HEADER_TO_BAGGAGE = """\
function envoy_on_request(handle)
  local covers, found, order = covering(handle), {}, {}
  for name, value in pairs(handle:headers()) do
    if covers(name) then
      if not found[name] then order[#order + 1] = name end
      found[name] = value
    end
  end
  if #order == 0 then return end
  local members = {}
  for _, name in ipairs(order) do members[#members + 1] = name .. '=' .. encode(found[name]) end
  for _, line in ipairs(lines(handle, 'baggage')) do
    for member in line:gmatch('[^,]+') do
      member = trim(member)
      if member ~= '' and not found[decode(member:match('^[^=]*'))] then
        members[#members + 1] = member
      end
    end
  end
  handle:headers():replace('baggage', table.concat(members, ','))
end
"""

_BAGGAGE_TO_HEADER = """\
function envoy_on_request(handle)
  local covers = covering(handle)
  for _, line in ipairs(lines(handle, 'baggage')) do
    for member in line:gmatch('[^,]+') do
      local name, value = member:match('^([^=]*)=([^;]*)')
      name, value = decode(name or ''), decode(value or '')
      if covers(name) and not value:find('%c') then
        handle:headers():replace(name, value)
      end
    end
  end
end
"""

# A stand-in propagates baggage alone. So between it and its sidecar, a header that it has to
# propagate is a baggage member with this prefix.
_MEMBERS_FOR_HEADERS = """\
local prefix = 'handed-on.'
local function sorted(handle)
  local found, others = {}, {}
  for _, line in ipairs(lines(handle, 'baggage')) do
    for member in line:gmatch('[^,]+') do
      local name, value = member:match('^([^=]*)=?([^;]*)')
      name = decode(name)
      if name:sub(1, #prefix) == prefix then
        found[name:sub(#prefix + 1)] = decode(value)
      elseif trim(member) ~= '' then
        others[#others + 1] = trim(member)
      end
    end
  end
  return found, others
end
local function write(handle, members)
  if #members > 0 then
    handle:headers():replace('baggage', table.concat(members, ','))
  else
    handle:headers():remove('baggage')
  end
end
"""

_KEEP_HEADERS = """\
function envoy_on_request(handle)
  local _, others = sorted(handle)
  local members = {}
  for _, name in ipairs(listed(handle, 'headers')) do
    local value = handle:headers():get(name)
    if value then members[#members + 1] = prefix .. name .. '=' .. encode(value) end
  end
  for _, member in ipairs(others) do members[#members + 1] = member end
  write(handle, members)
end
"""

_RESTORE_HEADERS = """\
function envoy_on_request(handle)
  local found, others = sorted(handle)
  for _, name in ipairs(listed(handle, 'headers')) do
    local value = found[name]
    if value and not value:find('%c') then handle:headers():replace(name, value) end
  end
  write(handle, others)
end
"""

_READING = """\
local function trim(text)
  return text:match('^%s*(.-)%s*$')
end
local function decode(text)
  text = text:gsub('+', ' '):gsub('%%(%x%x)', function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return trim(text)
end
local function lines(handle, name)
  local values = {}
  for i = 0, handle:headers():getNumValues(name) - 1 do
    values[#values + 1] = handle:headers():getAtIndex(name, i)
  end
  return values
end
"""


# The scripts by the names of their filters. TO_BAGGAGE and KEEP_HEADERS run inbound and turn
# headers into baggage members. TO_HEADER and RESTORE_HEADERS run outbound and restore the headers.
SCRIPTS = {
    TO_BAGGAGE: _LISTED + _COVERING + _READING + _ENCODING + _HEADER_TO_BAGGAGE,
    TO_HEADER: _LISTED + _COVERING + _READING + _BAGGAGE_TO_HEADER,
    KEEP_HEADERS: _LISTED + _READING + _ENCODING + _MEMBERS_FOR_HEADERS + _KEEP_HEADERS,
    RESTORE_HEADERS: _LISTED + _READING + _MEMBERS_FOR_HEADERS + _RESTORE_HEADERS,
}


def lua_filter(name: str) -> Json:
    """Return the filter that runs the script of this name."""
    kind = "extensions.filters.http.lua.v3.Lua"
    return typed(name, kind, default_source_code={"inline_string": SCRIPTS[name]})


def for_headers(headers: Sequence[str], prefixes: Sequence[str] = ()) -> Json:
    """Return a script's context for `typed_per_filter_config`: headers by name or prefix."""
    context = {"headers": list(headers), "prefixes": list(prefixes)}
    return {
        "@type": f"{TYPES}extensions.filters.http.lua.v3.LuaPerRoute",
        "filter_context": context,
    }
