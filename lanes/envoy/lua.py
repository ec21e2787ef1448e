"""The two Lua filters that stand in for ASMHeaderPropagation.

What ASM publishes of it does not say how header and baggage meet; this is our reading:
the receiving side writes the header into baggage, replacing members of that name, and the
calling side sets the header from baggage before the route is chosen. Names and values are
encoded as OpenTelemetry's Python SDK reads and writes them, and the header's member comes first,
since the SDK reads no more than 180. Both run in Envoy's
LuaJIT: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter
"""

from lanes.model import Propagation

_COVERS = """\
local headers, prefixes = {%(headers)s}, {%(prefixes)s}
local function covers(name)
  if headers[name] then return true end
  for _, prefix in ipairs(prefixes) do
    if name:sub(1, #prefix) == prefix then return true end
  end
  return false
end
"""

_HEADER_TO_BAGGAGE = """\
local function encode(value)
  return (value:gsub('[^%w!#$&\\'()*./:<=>?@%[%]^_`{|}~-]', function(c)
    return string.format('%%%02X', c:byte())
  end))
end
function envoy_on_request(handle)
  local found, order = {}, {}
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
  for _, line in ipairs(lines(handle, 'baggage')) do
    for member in line:gmatch('[^,]+') do
      local name, value = member:match('^([^=]*)=([^;]*)')
      name, value = decode(name or ''), decode(value or '')
      if covers(name) and not (name .. value):find('%c') then
        handle:headers():replace(name, value)
      end
    end
  end
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


def header_to_baggage(propagation: Propagation) -> str:
    """The receiving side's filter."""
    return _covers(propagation) + _READING + _HEADER_TO_BAGGAGE


def baggage_to_header(propagation: Propagation) -> str:
    """The calling side's filter."""
    return _covers(propagation) + _READING + _BAGGAGE_TO_HEADER


def _covers(propagation: Propagation) -> str:
    return _COVERS % {
        "headers": ", ".join(f"['{name}'] = true" for name in propagation.headers),
        "prefixes": ", ".join(f"'{prefix}'" for prefix in propagation.prefixes),
    }
