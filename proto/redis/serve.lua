-- serve: a script's last lines.  The lines before stand in make(), the script's own in main(); lib/scripts.c puts it together.
--
-- What make() makes, functions and constants, is kept as the environment of the script's own function, which Redis keeps by its digest
-- until SCRIPT FLUSH: so it is made once and not once per call, which was half the cost of a call with one job in it.  Nothing
-- else is kept: begin() starts every call with empty hands.  Where there is no setfenv, it is all made anew, and slower.
local _getfenv, _setfenv = rawget(_G, 'getfenv'), rawget(_G, 'setfenv')
local serve = _getfenv and rawget(_getfenv(1), 'serve')
if not serve then
    serve = make()
    if _setfenv then _setfenv(1, setmetatable({serve = serve}, {__index = _G})) end
end
return serve(KEYS, ARGV)
